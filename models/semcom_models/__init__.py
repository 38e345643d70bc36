# SPDX-License-Identifier: GPL-3.0-or-later
"""Semantic codecs for pictures over a radio channel: networks, channel layers, the codec contract, the zoo."""
