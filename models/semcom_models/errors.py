# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception that users of codecs and the zoo see."""


class CodecError(Exception):
    """What is wrong with a codec, its files or what was fed to it, in one sentence that says what to do."""
