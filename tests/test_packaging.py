"""What leaves the house: the wheel and its papers, and the scripts people start it with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from email.message import Message
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ["scripts/setup", "scripts/rehearse", "scripts/test", "scripts/check", ".ci/run"]
LEFT_OUT = ("__pycache__", ".pyc", "setup.log", ".venv")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built without network: from a copy, so that the tree stays as it is."""
    source = tmp_path_factory.mktemp("source") / "alongside"
    source.mkdir()
    for name in ("simulator", "voices", "scenarios"):
        shutil.copytree(ROOT / name, source / name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    into = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    ran = subprocess.run(
        [*pip, "--wheel-dir", str(into), str(source)], capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (built,) = into.glob("*.whl")
    return built


def names(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def text(wheel: Path, end: str) -> str:
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(end))
        return archive.read(name).decode()


def metadata(wheel: Path) -> Message:
    return Parser().parsestr(text(wheel, ".dist-info/METADATA"))


@pytest.mark.parametrize("folder", ["voices", "scenarios"])
def test_the_wheel_carries_every_shipped_file_unchanged(wheel: Path, folder: str) -> None:
    ours = sorted(path for path in (ROOT / folder).rglob("*") if path.is_file())
    assert ours
    with ZipFile(wheel) as archive:
        for path in ours:
            inside = f"simulator/_shipped/{path.relative_to(ROOT).as_posix()}"
            assert archive.read(inside) == path.read_bytes(), inside


def test_the_wheel_carries_the_whole_package(wheel: Path) -> None:
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "simulator").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert "simulator/__main__.py" in package
    assert any(name.startswith("simulator/language/") and name.endswith(".yaml") for name in package)
    assert package <= names(wheel)


def test_the_wheel_carries_nothing_else(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in names(wheel)}
    assert tops == {"simulator", next(top for top in tops if top.endswith(".dist-info"))}
    assert not [name for name in names(wheel) if any(part in name for part in LEFT_OUT)]


def test_the_papers_are_in_order(wheel: Path) -> None:
    papers = metadata(wheel)
    assert papers["Name"] == "alongside"
    assert papers["License-Expression"] == "Apache-2.0"
    assert "Apache License" in text(wheel, "licenses/LICENSE")
    assert papers["Requires-Python"] == "<3.14,>=3.11"
    assert "alongside = simulator.__main__:main" in text(wheel, "entry_points.txt")
    assert papers.get_payload(), "the README is the long description"


def test_every_requirement_has_an_upper_bound(wheel: Path) -> None:
    """A program that hears differently after somebody else's release measures differently."""
    required = [one for one in metadata(wheel).get_all("Requires-Dist", []) if "extra ==" not in one]
    assert len(required) >= 15
    assert not [one for one in required if "<" not in one and "==" not in one.split(";")[0]]


def test_nothing_is_required_that_only_the_tests_need(wheel: Path) -> None:
    plain = [one for one in metadata(wheel).get_all("Requires-Dist", []) if "extra ==" not in one]
    assert not [
        one for one in plain if one.startswith(("pytest", "hypothesis", "mypy", "ruff", "vosk-model"))
    ]


def run_inside(wheel: Path, folder: Path, code: str) -> str:
    """Run code with the wheel itself on the path, from an empty folder, out of reach of the checkout."""
    unpacked = folder / "unpacked"
    with ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    empty = folder / "empty"
    empty.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(unpacked), "ALONGSIDE_DATA": str(folder / "data")}
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=empty, env=environment, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_unpacked_wheel_finds_its_own_voices_and_scenarios(wheel: Path, tmp_path: Path) -> None:
    code = (
        "from simulator.settings import shipped\n"
        "for folder in ('voices', 'scenarios'):\n"
        "    print(shipped(folder), len(list(shipped(folder).glob('*.yaml'))))\n"
    )
    lines = run_inside(wheel, tmp_path, code).splitlines()
    for folder, line in zip(("voices", "scenarios"), lines, strict=True):
        count = len(list((ROOT / folder).glob("*.yaml")))
        assert line == f"{tmp_path / 'unpacked' / 'simulator' / '_shipped' / folder} {count}"


def test_the_version_is_told_once(wheel: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert metadata(wheel)["Version"] == project["version"]


# ---------------------------------------------------------------------------------------------- the scripts


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_script_can_be_read_and_started(script: str) -> None:
    path = ROOT / script
    assert os.access(path, os.X_OK), f"chmod +x {script}"
    assert path.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n")
    assert b"\r" not in path.read_bytes()
    ran = subprocess.run(["bash", "-n", str(path)], capture_output=True, text=True, timeout=20)
    assert ran.returncode == 0, ran.stderr


def checkout(folder: Path) -> Path:
    """The scripts and a pyproject.toml in a folder with spaces, as if cloned there."""
    root = folder / "a folder with spaces"
    (root / "scripts").mkdir(parents=True)
    for name in ("setup", "rehearse", "test", "check"):
        shutil.copy(ROOT / "scripts" / name, root / "scripts")
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def start(command: list[str], cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment: Mapping[str, str] = {
        "PATH": os.environ["PATH"],
        "HOME": str(cwd),
        "CI": "true",
        "PIP_NO_INDEX": "1",  # a set-up that is not wanted here fails at once, and downloads nothing
        **more,
    }
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=60)


def ask_setup(root: Path, question: str) -> str:
    """Source scripts/setup and run `question` in it."""
    asked = f'source "{root}/scripts/setup"; find_venv; wanted=$(fingerprint); {question}'
    ran = start(["bash", "-c", asked], root)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def ready(root: Path, kind: str) -> None:
    """Make `root` look as a finished set-up leaves it, with an `alongside` that says how it was called."""
    ask_setup(root, f"stamp {kind}-package; stamp {kind}-libraries")
    program = root / ".venv" / "bin" / "alongside"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text('#!/bin/sh\nprintf "<%s>" "$@"\n')
    program.chmod(0o755)


def test_a_second_start_sets_nothing_up_and_hands_every_word_on(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    ready(root, "user")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    ran = start([str(root / "scripts" / "rehearse"), "coffee-shop", "--trainee", "two words"], elsewhere)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "<rehearse><coffee-shop><--trainee><two words>"
    assert not (root / ".venv" / "setup.log").exists()


def test_a_set_up_for_the_tests_is_enough_for_a_rehearsal(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    ready(root, "dev")
    ask_setup(root, "stamp user-libraries")
    ran = start([str(root / "scripts" / "rehearse")], root)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "<rehearse>", "")


def test_without_apt_the_voice_comes_from_its_package_and_the_rest_is_one_sentence(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    nothing_there = "is_there() { return 1; }; may_use_apt() { return 1; }; uname() { echo Linux; }"
    tell = f'{nothing_there}; pip() {{ echo pip "$@"; }}; install_libraries libportaudio2 libespeak-ng1 2>&1'
    lines = ask_setup(root, tell).splitlines()
    assert "pip espeakng-loader>=0.2,<0.3" in lines
    assert lines[-1].startswith("  Not installed: libportaudio2 libespeak-ng1. Alongside goes on without")


@pytest.mark.parametrize("change", ["pyproject", "moved", "no program"])
def test_a_stale_set_up_is_noticed(tmp_path: Path, change: str) -> None:
    root = checkout(tmp_path)
    ready(root, "user")
    if change == "pyproject":
        with (root / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write("# changed\n")
    elif change == "moved":
        root = root.rename(tmp_path / "moved")
    else:
        (root / ".venv" / "bin" / "alongside").unlink()
    assert ask_setup(root, "is_ready user && echo ready || echo stale") == "stale\n"


def test_a_python_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    old = tmp_path / "old python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    ran = start([str(root / "scripts" / "rehearse")], root, ALONGSIDE_PYTHON=str(old))
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert str(old) in ran.stderr
    assert "3.11, 3.12 or 3.13" in ran.stderr


def test_packages_that_cannot_be_had_are_an_error_that_names_the_log(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    ran = start([str(root / "scripts" / "setup")], root, ALONGSIDE_PYTHON=sys.executable)
    assert ran.returncode == 1
    log = root / ".venv" / "setup.log"
    assert str(log) in ran.stderr
    assert "pip install" in log.read_text(encoding="utf-8")
    assert not (root / ".venv" / "stamps").exists(), "a failed set-up is tried again"
