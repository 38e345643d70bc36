# SPDX-License-Identifier: GPL-3.0-or-later
"""Receiver-led training of Zhang et al., Algorithm 1, between two programs: one that sees the task, and one that never
does."""
