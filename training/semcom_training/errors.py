# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be wrong with a training, each in one sentence that says what to do."""


class ConfigError(Exception):
    """A config that cannot be, or does not fit what is there."""


class DataError(Exception):
    """A data set that is missing or damaged."""
