# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of papers with our points.  The module of a paper has ``plan()``, what to measure, and ``write()``."""
