# SPDX-License-Identifier: GPL-3.0-or-later
import gc
import os
import uuid
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def module():
    folders = [Path(each) for each in os.environ.get("UHD_MODULE_PATH", "").split(":") if each]
    if not any((folder / "libuhd_virtual.so").exists() for folder in folders):
        pytest.skip("UHD_MODULE_PATH names no folder with libuhd_virtual.so; ./semcom test sets it")


@pytest.fixture
def air():
    """A name of shared memory that is free before the test and has to be gone after it."""
    name = f"/test-{uuid.uuid4().hex[:12]}"
    memory = Path("/dev/shm") / name[1:]
    yield name
    gc.collect()  # a flowgraph keeps its device
    left = memory.exists()
    memory.unlink(missing_ok=True)
    assert not left, "the last user did not unlink the air"
