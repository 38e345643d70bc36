# SPDX-License-Identifier: GPL-3.0-or-later
"""The digital link: bytes to QAM symbols and back, by CRC and LDPC codes."""
