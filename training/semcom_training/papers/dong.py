# SPDX-License-Identifier: GPL-3.0-or-later
"""C. Dong et al., Innovative semantic communication system: AESC-I beside JPEG and direct transmission.

All of them send with one modulation and code rate at all SNRs, in as many symbols as AESC-I takes; direct transmission
in as many as the pixels take.  As in the paper, the headers of JPEG are not counted, and the code of AESC-I is decoded
as it comes.  Unlike there, a damaged file or picture of pixels is lost as a whole, so that the two fall off a cliff.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from semcom_models import zoo
from semcom_models.aesc.autoencoders import AUTOENCODERS
from semcom_models.aesc.codec import USUAL_SCHEME, symbols_for_bytes
from semcom_models.codec import CHANNELS
from semcom_models.errors import CodecError

from semcom_training.evaluate import Grid, Row
from semcom_training.papers.rows import Planned, shipped

JPEG, DIRECT = (f"{source}+ldpc@{USUAL_SCHEME.name}" for source in ("jpeg", "direct"))
NAMES = {JPEG: "JPEG + LDPC, headers free", DIRECT: "direct + LDPC"}
BY_COMPRESSION_DB = (1.0, 2.0, 5.0)
SNRS_DB = {
    "awgn": (-2.0, -1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 10.0),
    "rayleigh": (-5.0, 0.0, 4.0, 8.0, 12.0, 16.0, 20.0, 25.0),
}


@dataclass(frozen=True)
class Study:
    """What the paper does on one data set: ``codecs`` of the zoo by their compression (eqs. 13 and 16), the highest
    last; the numbers of the figures against the compression, against the SNR over each channel, and of pictures."""

    dataset: str
    downstream: str
    architecture: str
    codecs: dict[int, str]
    by_compression: int
    by_snr: dict[str, int]
    pictures: dict[str, int]

    @property
    def highest(self) -> int:
        """The compression at which SNRs are compared."""
        return max(self.codecs)

    @property
    def values(self) -> int:
        """n of a picture, grey ones as three channels."""
        return CHANNELS * AUTOENCODERS[self.architecture].side ** 2

    def ratio(self, compression: int) -> Fraction:
        """k/n of AESC-I and JPEG."""
        side = AUTOENCODERS[self.architecture].side
        return Fraction(zoo.load_codec(self.codecs[compression]).symbols_for(side, side), self.values)

    def ratio_of_pixels(self) -> Fraction:
        """k/n of direct transmission."""
        kind = AUTOENCODERS[self.architecture]
        return Fraction(symbols_for_bytes(kind.channels * kind.side**2, USUAL_SCHEME), self.values)


STUDIES = (
    Study(
        dataset="mnist",
        downstream="resnet20-mnist",
        architecture="aesc-mnist",
        codecs={4: "aesc-mnist-4", 8: "aesc-mnist-8", 20: "aesc-mnist"},
        by_compression=4,
        by_snr={"awgn": 5, "rayleigh": 6},
        pictures={"awgn": 7, "rayleigh": 8},
    ),
    Study(
        dataset="cifar10",
        downstream="resnet20-cifar10",
        architecture="aesc-cifar10",
        codecs={3: "aesc-cifar10-3", 6: "aesc-cifar10-6", 12: "aesc-cifar10"},
        by_compression=10,
        by_snr={"awgn": 11, "rayleigh": 12},
        pictures={"awgn": 13, "rayleigh": 14},
    ),
)


def plan() -> list[Planned]:
    """What to measure.

    Raises:
        CodecError: none of the codecs is in the zoo, or not the network that judges.
    """
    planned = [
        Planned(study.dataset, study.downstream, grid) for study in studies_in_the_zoo() for grid in _grids(study)
    ]
    if not planned:
        raise CodecError(
            f"The zoo in {zoo.zoo_dir()} has no codec of AESC-I with the network that judges it: docs/aesc.md has the "
            "commands that train both."
        )
    return planned


def studies_in_the_zoo() -> list[Study]:
    """The studies whose codec of the highest compression, and whose judge, are in the zoo."""
    return [study for study in STUDIES if len(shipped((study.downstream, study.codecs[study.highest]))) == 2]


def _grids(study: Study) -> Iterator[Grid]:
    for compression, name in study.codecs.items():
        if not shipped((name,)):
            continue
        at = {"codecs": [name, JPEG], "ratios": [study.ratio(compression)], "free_headers": True}
        if compression == study.highest:
            for channel, snrs_db in SNRS_DB.items():
                yield Grid(**at, snrs_db=snrs_db, channels=[channel])
        else:
            yield Grid(**at, snrs_db=BY_COMPRESSION_DB, channels=["awgn"])
    for channel, snrs_db in SNRS_DB.items():
        ratios = [study.ratio_of_pixels()]
        yield Grid(codecs=[DIRECT], ratios=ratios, snrs_db=snrs_db, channels=[channel], free_headers=True)


def write(rows: Sequence[Row], folder: Path, *, commit: str) -> None:
    """``tables.md``, and the figures that there are points for."""
    from semcom_training.papers import dong_figures
    from semcom_training.papers.tables import every_point, introduction

    parts = [
        "# Tables",
        introduction(rows, command="./semcom figures dong", commit=commit),
        every_point(rows, name=lambda row: NAMES.get(row.codec, row.codec)),
    ]
    (folder / "tables.md").write_text("\n\n".join(parts) + "\n")
    dong_figures.draw_all(rows, folder)
