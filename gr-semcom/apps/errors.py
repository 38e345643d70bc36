# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user reads when something is wrong: one sentence, and exit status 1."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class AppError(Exception):
    """What is wrong with what was asked for, or with the run, in one sentence."""


@contextmanager
def told_in_a_sentence() -> Iterator[None]:
    """Ends the program with a sentence for what a user can mend; a defect of ours keeps its traceback."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit("semcom: interrupted.")
    except Exception as error:
        from gnuradio.semcom.image_files import ImageError
        from gnuradio.semcom.radio_profile import ProfileError
        from semcom_models.errors import CodecError

        if not isinstance(error, (AppError, CodecError, ImageError, ProfileError, OSError)):
            raise
        sys.exit(f"semcom: {error}")
