# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user reads when something is wrong: one sentence, and exit status 1."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def told_in_a_sentence() -> Iterator[None]:
    """Ends the program with a sentence for what a user can mend; a defect of ours keeps its traceback."""
    from semcom_models.errors import CodecError

    try:
        yield
    except (CodecError, ValueError, OSError) as error:
        sys.exit(f"semcom: {error}")
    except KeyboardInterrupt:
        sys.exit("semcom: interrupted.")
