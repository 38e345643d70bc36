# SPDX-License-Identifier: GPL-3.0-or-later
"""AESC-I of Dong et al.: the transmitter sends its decoder's weights with the semantic code, over a digital link."""
