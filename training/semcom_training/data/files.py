# SPDX-License-Identifier: GPL-3.0-or-later
"""Where data sets lie, and how they get there."""

import hashlib
import os
import shutil
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import wrap_file

from semcom_training.errors import DataError

REPOSITORY = Path(__file__).resolve().parents[3]
TIMEOUT_S = 60


def data_dir() -> Path:
    """Where the data sets lie: ``$SEMCOM_DATA``, else ``data/`` in the repository."""
    return Path(os.environ.get("SEMCOM_DATA", REPOSITORY / "data"))


@contextmanager
def downloaded(url: str, *, hashed: str, instead: str) -> Iterator[Path]:
    """What is at ``url``, as a file in a folder inside :func:`data_dir`, which goes with the context.

    ``hashed`` is what the file has to be, as "sha256:" or another name of :mod:`hashlib` and the digest; ``instead``
    says in an error what else would do.

    Raises:
        DataError: it, or what the context unpacks from it, cannot be had, or it is another file.
    """
    algorithm, _, digest = hashed.partition(":")
    try:
        data_dir().mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=data_dir(), prefix="part-") as part:
            path = Path(part) / url.rpartition("/")[2]
            with urllib.request.urlopen(url, timeout=TIMEOUT_S) as source, path.open("wb") as sink:
                size = int(source.headers.get("Content-Length", 0))
                with wrap_file(source, size, description=path.name, transient=True) as shown:
                    shutil.copyfileobj(shown, sink)
            with path.open("rb") as file:
                found = hashlib.file_digest(file, algorithm).hexdigest()
            if found != digest:
                raise DataError(f"{url} came back changed ({algorithm} {found}); nothing was kept.")
            yield path
    except (urllib.error.URLError, HTTPException, OSError) as error:
        raise DataError(
            f"{url} could not be downloaded to {data_dir()} ({error}); connect to the network, or {instead}, "
            "or point SEMCOM_DATA at where the data sets are."
        ) from error


def fetch_file(folder: str, name: str, *, url: str, hashed: str) -> Path:
    """The file ``name`` of a ``folder`` of :func:`data_dir`, into which it is fetched if it is not there.

    Raises:
        DataError: as :func:`downloaded`.
    """
    path = data_dir() / folder / name
    if not path.is_file():
        with downloaded(url, hashed=hashed, instead=f"put it into {path.parent} by hand") as file:
            path.parent.mkdir(parents=True, exist_ok=True)
            file.replace(path)
    return path


def fetch_folder(folder: str, *, names: Sequence[str], url: str, hashed: str) -> None:
    """Fetch an archive and put the files ``names`` of its ``folder`` into the same of :func:`data_dir`, all or none.

    Raises:
        DataError: as :func:`downloaded`.
    """
    with downloaded(url, hashed=hashed, instead=f"put {folder} there by hand") as archive, tarfile.open(archive) as tar:
        part = archive.parent / folder
        part.mkdir()
        for name in names:
            with tar.extractfile(f"{folder}/{name}") as source, (part / name).open("wb") as sink:
                shutil.copyfileobj(source, sink)
        shutil.rmtree(data_dir() / folder, ignore_errors=True)
        part.replace(data_dir() / folder)
