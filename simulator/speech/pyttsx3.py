"""The system's own voices through pyttsx3 (espeak-ng on Linux, SAPI5 on Windows, NSSpeech on macOS).

pyttsx3 misbehaves in-process: it prints, hangs on a second loop or a blank text, keeps only the last of
several queued saves, and ignores a voice it does not know. So it lives in a spawned process, is asked for one
file at a time, and everything it is told is read back. Only its tempo is used; pitch comes from
`simulator.speech.shaping`, because NSSpeech and SAPI5 have none to set.
"""

from __future__ import annotations

import bisect
import contextlib
import io
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from simulator.audio.sound import Sound
from simulator.errors import EngineCrashed, EngineError, EngineHung, EngineMissing, SoundError, did_you_mean
from simulator.speech import Manner
from simulator.speech.shaping import PASSAGE, PLAIN_WPM, has_words, shape, trim
from simulator.speech.worker import Worker

SETTINGS = (80, 100, 130, 160, 190, 220, 260, 300, 350)
"""Rate settings the pace is measured at; espeak-ng takes 80 to 450."""

CURE = (
    "Install it: apt install libespeak-ng1, or, where you may not, pip install espeakng-loader. "
    "Or choose another voice, for example hibari:heart."
)


class Pyttsx3Voice:
    """A voice of the operating system, in a worker process started by the first `speak` (or `start`).

    Args:
        voice: what the system calls it: "en-us", "gmw/en-us", "English (America)", a SAPI5 or NSSpeech name.
        timeout_s: an answer that takes longer is a hang; the worker is killed and asked once more.
    """

    def __init__(self, voice: str = "en-us", timeout_s: float = 10.0):
        self.name = f"pyttsx3:{voice}"
        self._timeout_s = timeout_s
        self._folder = tempfile.TemporaryDirectory(prefix="alongside-voice-")
        self.worker = Worker(SystemSpeech, voice, self._folder.name, name=self.name, start_timeout_s=30)
        self._pace: tuple[tuple[float, ...], tuple[float, ...]] | None = None
        self._render = lru_cache(maxsize=4)(self._rendered)
        self._engine_hz = 22_050

    def start(self) -> None:
        """Start the worker and return at once."""
        self.worker.start()

    def speak(self, text: str, manner: Manner = Manner()) -> Sound:  # noqa: B008 (frozen)
        """See `simulator.speech.Voice`."""
        if not has_words(text):
            return Sound(np.zeros(0, np.float32), self._engine_hz)
        said = " ".join(text.split())

        def render(tempo: float) -> Sound:
            return self._render(said, self._setting(PLAIN_WPM * tempo))

        return shape(render, render(1.0).duration_s, manner)

    def close(self) -> None:
        """End the worker and remove its files."""
        self.worker.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _setting(self, wpm: float) -> int:
        """The rate setting at which this voice really speaks `wpm`, by measurement."""
        if self._pace is None:
            words = len(PASSAGE.split())
            lengths_s = [self._rendered(PASSAGE, setting).duration_s for setting in SETTINGS]
            self._pace = steady([60 * words / length_s for length_s in lengths_s], SETTINGS)
        return round(interpolate(wpm, *self._pace))

    def _rendered(self, text: str, setting: int) -> Sound:
        try:
            rate, samples = self._ask(text, setting)
        except EngineMissing:
            raise
        except (EngineCrashed, EngineHung):
            rate, samples = self._ask(text, setting)
        except EngineError:  # a broken file: a fresh process writes a whole one
            self.worker.kill()
            rate, samples = self._ask(text, setting)
        self._engine_hz = rate
        sound = trim(Sound(samples, rate))
        if not len(sound):
            # A busy machine can end a save before its first sample: a fresh process is not in that state.
            self.worker.kill()
            rate, samples = self._ask(text, setting)
            sound = trim(Sound(samples, rate))
        if not len(sound):
            raise EngineError(f"{self.name} made no sound of {text!r}. Write it in other words.")
        return sound

    def _ask(self, text: str, setting: int) -> tuple[int, Any]:
        rate, samples = self.worker.call("render", text, setting, timeout_s=self._timeout_s)
        return int(rate), samples


def steady(
    paces_wpm: Sequence[float], settings: Sequence[int]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Measured paces and their settings, without the settings that made the voice no faster."""
    kept: list[tuple[float, float]] = []
    for pace, setting in zip(paces_wpm, settings, strict=True):
        if not kept or pace > kept[-1][0] * 1.01:
            kept.append((pace, float(setting)))
    return tuple(pace for pace, _ in kept), tuple(setting for _, setting in kept)


def interpolate(wpm: float, paces_wpm: Sequence[float], settings: Sequence[float]) -> float:
    """The setting for a pace: straight between measured points on logarithmic axes, never past them."""
    at = bisect.bisect_left(paces_wpm, wpm)
    if at == 0:
        return settings[0]
    if at == len(paces_wpm):
        return settings[-1]
    low, high = paces_wpm[at - 1], paces_wpm[at]
    share = math.log(wpm / low) / math.log(high / low)
    return float(settings[at - 1] * (settings[at] / settings[at - 1]) ** share)


ATTEMPTS, LEAST_BYTES = 4, 2_000
"""espeak-ng ends about one save in fifty before its first sample; saved again, the text is whole."""


class SystemSpeech:
    """pyttsx3 itself; lives in the worker process.

    Raises:
        EngineMissing: there is no speech system, or it has no such voice.
    """

    def __init__(self, voice: str, folder: str):
        self._file = Path(folder) / "spoken.wav"
        _offer_packaged_espeak()
        try:
            import pyttsx3

            self._engine = pyttsx3.init()
        except (ImportError, OSError, RuntimeError, KeyError, AttributeError) as error:
            raise EngineMissing(f"The system's speech (espeak-ng) does not start: {error}. {CURE}") from error
        self._espeak = str(self._engine) == "espeak"
        self._prime()
        self._voice = find_voice(voice, self._engine.getProperty("voices") or [], self._espeak)
        self._set("voice", self._voice, self._file_voice)
        self._set("volume", 1.0, lambda: self._engine.getProperty("volume"))

    def render(self, text: str, setting: int) -> tuple[int, Any]:
        """(rate in Hz, float32 samples) of a text with words in it, at a rate setting."""
        self._set("rate", setting, lambda: self._engine.getProperty("rate"))
        for _ in range(ATTEMPTS):
            self._save(text)
            if self._file.exists() and self._file.stat().st_size > LEAST_BYTES:
                break
        try:
            from simulator.speech.spoken_file import read_spoken

            sound = read_spoken(self._file)
        except SoundError as error:
            raise EngineError(f"The system's speech failed: {error}.") from error
        finally:
            self._file.unlink(missing_ok=True)
        return sound.rate, sound.samples

    def _prime(self) -> None:
        """Run the loop once: until then pyttsx3 only queues what it is told."""
        self._save("Hello.")
        self._file.unlink(missing_ok=True)

    def _save(self, text: str) -> None:
        self._file.unlink(missing_ok=True)
        with contextlib.redirect_stdout(io.StringIO()):  # "Audio saved to ..."
            self._engine.save_to_file(text, str(self._file))
            self._engine.runAndWait()

    def _file_voice(self) -> Any:
        return self._engine.getProperty("voice")

    def _set(self, name: str, value: Any, read: Callable[[], Any]) -> None:
        """Set a property until it reads back: espeak-ng drops what is still on its way when a save ends."""
        for _ in range(20):
            self._engine.setProperty(name, value)
            for _ in range(10):
                if _same(read(), value):
                    return
                time.sleep(0.001)
        raise EngineError(f"The system's speech keeps its {name} at {read()!r}; {value!r} was asked for.")


def _same(have: Any, wanted: Any) -> bool:
    if isinstance(wanted, str):
        return isinstance(have, str) and have.lower() == wanted.lower()
    return have is not None and abs(float(have) - float(wanted)) < 0.51 * (1 if wanted > 2 else 0.02)


def find_voice(wanted: str, voices: Sequence[Any], exact: bool = True) -> str:
    """The id of the voice that is called `wanted`: by id, its last part, its name, or its language.

    Args:
        exact: whether only whole names count. SAPI5 and NSSpeech hide the language inside long ids.

    Raises:
        EngineMissing: none is; the message names what there is.
    """
    key = _plain(wanted)
    names: dict[str, str] = {}
    for voice in voices:
        if not voice.id.startswith("mb/"):  # these need a second program, and another sample rate
            for name in (voice.id, voice.id.rpartition("/")[2], voice.name or "", *map(str, voice.languages)):
                names.setdefault(_plain(name), voice.id)
    if key in names:
        return names[key]
    inside = [] if exact else [voice_id for name, voice_id in names.items() if key in name]
    if key and inside:
        return inside[0]
    short = {voice.id.rpartition("/")[2] for voice in voices}
    raise EngineMissing(
        f"The system's speech has no voice {wanted} among its {len(voices)}.{did_you_mean(wanted, short)}"
    )


def _plain(name: str) -> str:
    return name.strip().lower().replace("_", "-")


def _offer_packaged_espeak() -> None:
    """Where the system has no espeak-ng, load the one a Python package carries.

    pyttsx3 asks the loader for "libespeak-ng.so.1", and one of that name that is loaded answers.
    """
    import ctypes
    import os
    import sys

    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError):
        ctypes.CDLL("libespeak-ng.so.1")
        return
    try:
        import espeakng_loader  # type: ignore[import-not-found, unused-ignore]

        os.environ.setdefault("ESPEAK_DATA_PATH", espeakng_loader.get_data_path())
        ctypes.CDLL(espeakng_loader.get_library_path(), mode=ctypes.RTLD_GLOBAL)
    except (ImportError, OSError, RuntimeError):
        return
