# SPDX-License-Identifier: GPL-3.0-or-later
"""The data sets that a config can train on, a file a source.

Each class is what ``[data]`` of a config says and has a ``name``, the number of its ``classes`` (None: no labels), its
``augmentation``, and ``load(split)``.  Held out is the last tenth of the training images.
"""

from typing import Annotated

from pydantic import Field

from semcom_training.data.camera import CheapCamera
from semcom_training.data.cifar import Cifar10, cifar10
from semcom_training.data.files import REPOSITORY, data_dir
from semcom_training.data.folder import Folder, FolderImages, whole_pictures
from semcom_training.data.idx import FashionMnist, Mnist
from semcom_training.data.images import (
    Augmentation,
    LabelledImages,
    Split,
    batches_of,
    random_flip,
    random_shift,
    to_unit,
)
from semcom_training.data.masks import Masks
from semcom_training.data.pair import Pair
from semcom_training.data.sources import DATA_SETS, Sources, check_kind
from semcom_training.data.stl import Stl10
from semcom_training.data.svhn import Svhn
from semcom_training.data.usps import Usps
from semcom_training.errors import DataError

DataSet = Annotated[
    Cifar10 | CheapCamera | Mnist | FashionMnist | Usps | Svhn | Stl10 | Folder | Masks | Sources | Pair,
    Field(discriminator="kind"),
]

__all__ = [
    "DATA_SETS",
    "REPOSITORY",
    "Augmentation",
    "CheapCamera",
    "Cifar10",
    "DataError",
    "DataSet",
    "FashionMnist",
    "Folder",
    "FolderImages",
    "LabelledImages",
    "Masks",
    "Mnist",
    "Pair",
    "Sources",
    "Split",
    "Stl10",
    "Svhn",
    "Usps",
    "batches_of",
    "check_kind",
    "cifar10",
    "data_dir",
    "random_flip",
    "random_shift",
    "to_unit",
    "whole_pictures",
]
