# SPDX-License-Identifier: GPL-3.0-or-later
"""The LDPC codes of IEEE 802.16e, 8.4.9.2.5: 2,304 bits a block."""

from fractions import Fraction
from functools import cache

import numpy as np

from semcom_models.digital.qc_ldpc import QcLdpc

LIFTING, N = 96, 2304
# -1 is a dot. Rates 2/3 and 3/4 are the standard's codes B and A.
_BASES = {
    Fraction(1, 2): """
         . 94 73  .  .  .  .  . 55 83  .  .  7  0  .  .  .  .  .  .  .  .  .  .
         . 27  .  .  . 22 79  9  .  .  . 12  .  0  0  .  .  .  .  .  .  .  .  .
         .  .  . 24 22 81  . 33  .  .  .  0  .  .  0  0  .  .  .  .  .  .  .  .
        61  . 47  .  .  .  .  . 65 25  .  .  .  .  .  0  0  .  .  .  .  .  .  .
         .  . 39  .  .  . 84  .  . 41 72  .  .  .  .  .  0  0  .  .  .  .  .  .
         .  .  .  . 46 40  . 82  .  .  . 79  0  .  .  .  .  0  0  .  .  .  .  .
         .  . 95 53  .  .  .  .  . 14 18  .  .  .  .  .  .  .  0  0  .  .  .  .
         . 11 73  .  .  .  2  .  . 47  .  .  .  .  .  .  .  .  .  0  0  .  .  .
        12  .  .  . 83 24  . 43  .  .  . 51  .  .  .  .  .  .  .  .  0  0  .  .
         .  .  .  .  . 94  . 59  .  . 70 72  .  .  .  .  .  .  .  .  .  0  0  .
         .  .  7 65  .  .  .  . 39 49  .  .  .  .  .  .  .  .  .  .  .  .  0  0
        43  .  .  .  . 66  . 41  .  .  . 26  7  .  .  .  .  .  .  .  .  .  .  0
    """,
    Fraction(2, 3): """
         2  . 19  . 47  . 48  . 36  . 82  . 47  . 15  . 95  0  .  .  .  .  .  .
         . 69  . 88  . 33  .  3  . 16  . 37  . 40  . 48  .  0  0  .  .  .  .  .
        10  . 86  . 62  . 28  . 85  . 16  . 34  . 73  .  .  .  0  0  .  .  .  .
         . 28  . 32  . 81  . 27  . 88  .  5  . 56  . 37  .  .  .  0  0  .  .  .
        23  . 29  . 15  . 30  . 66  . 24  . 50  . 62  .  .  .  .  .  0  0  .  .
         . 30  . 65  . 54  . 14  .  0  . 30  . 74  .  0  .  .  .  .  .  0  0  .
        32  .  0  . 15  . 56  . 85  .  5  .  6  . 52  .  0  .  .  .  .  .  0  0
         .  0  . 47  . 13  . 61  . 84  . 55  . 78  . 41 95  .  .  .  .  .  .  0
    """,
    Fraction(3, 4): """
         6 38  3 93  .  .  . 30 70  . 86  . 37 38  4 11  . 46 48  0  .  .  .  .
        62 94 19 84  . 92 78  . 15  .  . 92  . 45 24 32 30  .  .  0  0  .  .  .
        71  . 55  . 12 66 45 79  . 78  .  . 10  . 22 55 70 82  .  .  0  0  .  .
        38 61  . 66  9 73 47 64  . 39 61 43  .  .  .  . 95 32  0  .  .  0  0  .
         .  .  .  . 32 52 55 80 95 22  6 51 24 90 44 20  .  .  .  .  .  .  0  0
         . 63 31 88 20  .  .  .  6 40 56 16 71 53  .  . 27 26 48  .  .  .  .  0
    """,
}
RATES = tuple(_BASES)


@cache
def code(rate: Fraction) -> QcLdpc:
    """The code of a rate of :data:`RATES`."""
    lines = _BASES[rate].replace(".", "-1").strip().splitlines()
    base = np.array([line.split() for line in lines], dtype=np.int64)
    return QcLdpc(base, lifting=LIFTING, core=len(base))
