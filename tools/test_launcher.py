# SPDX-License-Identifier: GPL-3.0-or-later
"""The launcher, on a copy of its files, where nothing is prepared yet and nothing gets installed.

Programs that would change the machine are replaced by short scripts in a folder of its own on PATH.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


class Machine:
    """A folder with the launcher and a PATH with nothing but coreutils and the stand-ins that a test adds."""

    def __init__(self, folder: Path):
        self.checkout = folder / "a checkout"
        self.programs = folder / "programs"
        (self.checkout / "tools").mkdir(parents=True)
        self.programs.mkdir()
        for name in ("semcom", "pyproject.toml", "tools/prepare.sh"):
            shutil.copy2(ROOT / name, self.checkout / name)
        for name in (
            *("awk", "bash", "cat", "cp", "dirname", "env", "find", "flock", "grep", "head", "id", "mkdir"),
            *("nproc", "readlink", "rm", "sed", "sha256sum", "sleep", "stat", "tail", "touch"),
        ):
            (self.programs / name).symlink_to(shutil.which(name))

    def program(self, name: str, script: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def python(self, script: str) -> str:
        """A stand-in for a Python interpreter; returns its path."""
        self.program("some-python", script)
        return str(self.programs / "some-python")

    def install_what_the_build_needs(self) -> None:
        """Stand-ins for GNU Radio and the tools; cmake writes each call into a file."""
        (self.programs / "include/gnuradio").mkdir(parents=True)
        (self.programs / "include/gnuradio/block.h").touch()
        self.program(
            "gnuradio-config-info", f'if [[ $1 == --version ]]; then echo 3.10.5.1; else echo "{self.programs}"; fi'
        )
        for name in ("make", "c++", "uhd_usrp_probe"):
            self.program(name, "exit 0")
        self.program(
            "cmake",
            f'echo "$1" >>"{self.cmake_calls}"; if [[ $1 == --install ]]; then mkdir "${{2%/build}}/prefix"; fi',
        )
        for name in ("gr-semcom", "uhd-virtual"):
            (self.checkout / name).mkdir()
        (self.checkout / "CMakeLists.txt").touch()

    @property
    def cmake_calls(self) -> Path:
        return self.checkout.parent / "cmake-calls"

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [self.checkout / "semcom", *arguments],
            env={"PATH": str(self.programs), "HOME": os.devnull, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_help_names_every_command_and_prepares_nothing(machine):
    for arguments in ([], ["--help"], ["test", "--help"]):
        result = machine.run(*arguments)
        assert result.returncode == 0
        assert result.stdout.startswith("usage: ./semcom")
    for command in (
        "demo",
        "test",
        "train",
        "sweep",
        "split",
        "eval",
        "distance",
        "bench",
        "hw",
        "data",
        "grc",
        "setup",
    ):
        assert f"\n  {command} " in machine.run().stdout
    assert not (machine.checkout / ".semcom").exists()


def test_unknown_command_names_those_there_are(machine):
    result = machine.run("dmeo")
    assert result.returncode == 1
    told = re.search("no command 'dmeo'; there are (.*) and setup", result.stderr)[1].split(", ")
    helped = re.findall(r"^  (\w+)(?:, (\w+))?  *\w", machine.run("--help").stdout, re.MULTILINE)
    assert told == [name for names in helped for name in names if name and name not in ("setup", "SEMCOM_PYTHON")]


def test_help_on_a_command_installs_nothing(machine):
    result = machine.run("demo", "--help")
    assert result.returncode == 1
    assert "once this machine is prepared; ./semcom setup does that" in result.stderr
    assert not (machine.checkout / ".semcom").exists()


def test_without_apt_get_it_says_what_to_install(machine):
    result = machine.run("demo")
    assert result.returncode == 1
    assert "no apt-get here" in result.stderr
    assert "gnuradio gnuradio-dev cmake make g++" in result.stderr


@pytest.mark.parametrize("sudo", [None, "exit 1"])
def test_without_root_it_prints_the_command_for_an_administrator(machine, sudo):
    (machine.programs / "id").unlink()
    machine.program("id", "echo 1000")
    machine.program("apt-get", "exit 1")
    if sudo:
        machine.program("sudo", sudo)
    result = machine.run("demo")
    assert result.returncode == 1
    assert "apt-get update && apt-get install --no-install-recommends gnuradio " in result.stderr


@pytest.mark.parametrize(
    ("apt_output", "advice"),
    [
        ("Temporary failure resolving 'deb.debian.org'", "A server could not be reached"),
        ("dpkg: error: write error (No space left on device)", "The disk is full"),
        ("E: Something else", "Mend what the log complains about"),
    ],
)
def test_failed_apt_get_ends_with_the_log_and_one_sentence(machine, apt_output, advice):
    machine.program("sudo", 'if [[ $1 == -n ]]; then exit; fi; "$@"')
    machine.program("dpkg", "exit 0")
    machine.program("apt-get", f'echo "{apt_output}"; exit 100')
    result = machine.run("demo")
    assert result.returncode == 1
    assert f"    | {apt_output}" in result.stderr
    assert result.stderr.splitlines()[-1].startswith(f"semcom: {advice}")
    assert apt_output in (machine.checkout / ".semcom/prepare.log").read_text()


def test_apt_get_that_installs_nothing_is_noticed(machine):
    machine.program("sudo", 'if [[ $1 == -n ]]; then exit; fi; "$@"')
    machine.program("dpkg", "exit 0")
    machine.program("apt-get", "exit 0")
    result = machine.run("setup")
    assert result.returncode == 1
    assert "still missing: gnuradio" in result.stderr


def test_semcom_python_is_used_as_it_is(machine):
    python = machine.python('[[ $1 == - ]] || echo "$PYTHONPATH" "$@"')
    result = machine.run("train", "--config", "some.toml", SEMCOM_PYTHON=python, PYTHONPATH="/mine")
    assert result.returncode == 0
    assert result.stdout.endswith("python:/mine -m semcom_training train --config some.toml\n")
    assert f"{machine.checkout}/models:{machine.checkout}/training:" in result.stdout
    assert not (machine.checkout / ".semcom").exists()


def test_help_on_training_needs_no_tensorboard(machine, tmp_path):
    python = machine.python(f'[[ $1 == - ]] || exit 0; exec "{sys.executable}" -S "$@"')
    packages = fake_environment(tmp_path / "packages", COMPLETE)
    assert machine.run("train", "semcc", SEMCOM_PYTHON=python, PYTHONPATH=packages).returncode == 1
    assert machine.run("train", "semcc", "--help", SEMCOM_PYTHON=python, PYTHONPATH=packages).returncode == 0


def test_semcom_python_that_is_no_program(machine):
    result = machine.run("train", SEMCOM_PYTHON="/no/such/python")
    assert result.returncode == 1
    assert "SEMCOM_PYTHON=/no/such/python is no program" in result.stderr


def fake_environment(folder: Path, versions: dict[str, str]) -> str:
    """Packages by name, empty but for their version, in a folder for PYTHONPATH."""
    for name, version in versions.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").touch()
        (folder / name / "gr.py").touch()
        info = folder / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return str(folder)


COMPLETE = dict.fromkeys(
    (
        *("cachetools", "cryptography", "cyclopts", "matplotlib", "numpy", "pillow", "pillow-heif", "pydantic"),
        *("pyzmq", "rich", "safetensors", "scikit-image", "sigmf", "torch"),
    ),
    "1.26.4",
)
FOR_TRAINING = {"ray": "2.60.0", "tensorboard": "2.21.0"}


@pytest.mark.parametrize(
    ("command", "versions", "sentence"),
    [
        ("train", {"numpy": "1.26.4", "torch": "2.13.0"}, "lacks cachetools, cryptography, cyclopts"),
        ("eval", COMPLETE, "No module named semcom_training"),
        ("train", COMPLETE, "lacks ray, tensorboard: install what"),
        ("train", COMPLETE | FOR_TRAINING, "No module named semcom_training"),
        ("demo", COMPLETE, "finds no GNU Radio"),
        ("demo", COMPLETE | {"numpy": "2.1.0", "gnuradio": "3.10.5"}, "GNU Radio with numpy 2"),
    ],
)
def test_environment_that_cannot_work_gets_one_sentence(machine, tmp_path, command, versions, sentence):
    machine.install_what_the_build_needs()
    packages = fake_environment(tmp_path / "packages", versions)
    # -S: without this environment's own packages.
    python = machine.python(f'exec "{sys.executable}" -S "$@"')
    result = machine.run(command, SEMCOM_PYTHON=python, PYTHONPATH=packages)
    assert result.returncode == 1
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not machine.cmake_calls.exists()


def test_builds_once_and_again_when_a_source_changed_or_the_build_broke_off(machine):
    machine.install_what_the_build_needs()
    python = machine.python("exit 0")

    def builds() -> int:
        before = machine.cmake_calls.read_text().count("--build") if machine.cmake_calls.exists() else 0
        assert machine.run("setup", SEMCOM_PYTHON=python).returncode == 0
        return machine.cmake_calls.read_text().count("--build") - before

    assert builds() == 1
    assert builds() == 0
    (machine.checkout / "gr-semcom/burst.cc").touch()
    assert builds() == 1
    (machine.checkout / "gr-semcom/__pycache__").mkdir()  # as a run leaves behind
    (machine.checkout / "gr-semcom/__pycache__/demo.pyc").touch()
    assert builds() == 0
    machine.program("some-python", "[[ $1 != -c ]]")  # what was built cannot be imported
    (machine.checkout / "gr-semcom/burst.cc").touch()
    assert machine.run("setup", SEMCOM_PYTHON=python).returncode == 1
    machine.program("some-python", "exit 0")
    assert builds() == 1
