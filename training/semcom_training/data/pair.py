# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of two kinds, for one to be made like the other."""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import Field
from semcom_models.generator import resized

from semcom_training.data.images import Augmentation, LabelledImages, Split
from semcom_training.data.sources import DATA_SETS, Kind

OBSERVED = 1000
"""Added to the labels of observed pictures."""
UNKNOWN = 999


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The first ``each`` pictures, or as many as both have, of two data sets, brought to the size of the library's.

    Where one data set is made of the other's pictures, those observed are the last of theirs, and no more than half: a
    transmitter never has the same picture of both kinds.

    Labels are :data:`UNKNOWN`, but for the first ``labelled`` pictures of each; ``OBSERVED`` more for those observed.
    Held-out and test pictures are a tenth as many, and have theirs.
    """

    observed: Kind
    library: Kind
    each: Annotated[int, Field(ge=10)] = 5000
    labelled: Annotated[int, Field(ge=0)] = 0
    kind: Literal["pair"] = "pair"
    augmentation = Augmentation(shift=0, mirror=False)

    @property
    def name(self) -> str:
        return f"{DATA_SETS[self.observed].name} to {DATA_SETS[self.library].name}"

    @property
    def classes(self) -> int:
        """Of the library."""
        return DATA_SETS[self.library].classes

    def load(self, split: Split) -> LabelledImages:
        """As of the data sets; raises DataError as they do."""
        library, observed = (DATA_SETS[kind]().load(split) for kind in (self.library, self.observed))
        made_of = [getattr(DATA_SETS[kind], "made_of", kind) for kind in (self.library, self.observed)]
        same = made_of[0] == made_of[1]
        fewest = min(len(library), len(observed)) // (1 + same)
        most = min(self.each if split == "train" else self.each // 10, fewest)
        library, observed = library[:most], observed[-most:] if same else observed[:most]
        known = self.labelled if split == "train" else most
        labels = [_told(part.labels, known) for part in (library, observed)]
        images = torch.cat([library.images, resized(observed.images, library.images.shape[-1])])
        return LabelledImages(images, torch.cat([labels[0], labels[1] + OBSERVED]))


def _told(labels: torch.Tensor, known: int) -> torch.Tensor:
    """The first ``known`` of them; the others are not."""
    told = labels.clone()
    told[known:] = UNKNOWN
    return told
