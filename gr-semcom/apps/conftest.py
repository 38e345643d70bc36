# SPDX-License-Identifier: GPL-3.0-or-later
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--new-recording", action="store_true", help="make the recording of test_recording.py anew")


@pytest.fixture(scope="session")
def virtual_usrp() -> None:
    folders = os.environ.get("UHD_MODULE_PATH", "").split(":")
    if not any(Path(folder, "libuhd_virtual.so").is_file() for folder in folders if folder):
        pytest.skip("there is no virtual USRP on UHD_MODULE_PATH; ./semcom test sets it")


@pytest.fixture
def air(virtual_usrp: None) -> Iterator[str]:
    """A name of an air that nobody else has."""
    name = f"/semcom-{uuid.uuid4().hex[:12]}"
    yield name
    Path("/dev/shm", name[1:]).unlink(missing_ok=True)
