# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which an image's symbols are sent: the most important first, and neighbours far apart.

It is part of the codec contract, so that any number of symbols from the first on, and any fragment, means the same
symbols at both ends.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


@lru_cache(maxsize=64)
def sending_order(planes: int, height: int, width: int) -> NDArray[np.int64]:
    """Where the i-th symbol sent stands in [planes, height, width], flattened: [planes * height * width].

    Plane after plane, as they are ordered by importance; within a plane the cells go in the order of ordered dithering
    (Bayer's), so that a part of a plane, and a fragment that is lost, covers the whole picture evenly.
    """
    cells = height * width
    y, x = np.divmod(np.arange(cells), width)
    rank = np.zeros(cells, np.int64)
    for bit in range(max(height, width).bit_length()):
        rank = 4 * rank + 2 * ((x ^ y) >> bit & 1) + (y >> bit & 1)
    order = (cells * np.arange(planes)[:, np.newaxis] + np.argsort(rank)).reshape(-1)
    order.flags.writeable = False
    return order
