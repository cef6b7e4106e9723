"""One contract, three voices: the scripted one, the neural one and the system's own."""

from __future__ import annotations

import ctypes.util
import importlib.util
import os
import signal
from collections.abc import Iterator

import numpy as np
import pytest

from simulator.audio.sound import Sound, audible
from simulator.errors import EngineHung, EngineMissing
from simulator.speech import Manner, Voice
from simulator.speech.pyttsx3 import Pyttsx3Voice
from simulator.speech.shaping import CEILING, LEVEL_DB, PASSAGE, PLAIN_WPM, audible_level_db
from simulator.speech.voices import open_voice

LINE = "I keep thinking about what I said to my sister, and I do not know how to take it back."
VOICED = "You are all welcome, and we will remain in my old room as long as you may need."


def _why_not(name: str) -> str | None:
    """Why a voice cannot be tried on this machine."""
    if name.startswith("hibari") and importlib.util.find_spec("hibari") is None:
        return "hibari-tts is not installed"
    carried = importlib.util.find_spec("espeakng_loader") is not None
    if name.startswith("pyttsx3") and not (ctypes.util.find_library("espeak-ng") or carried):
        return "there is no libespeak-ng (apt install libespeak-ng1)"
    return None


@pytest.fixture(scope="module", params=["scripted", "hibari:heart", "pyttsx3:en-us"])
def voice(request: pytest.FixtureRequest) -> Iterator[Voice]:
    reason = _why_not(request.param)
    if reason:
        pytest.skip(reason)
    with open_voice(request.param) as opened:
        yield opened


@pytest.fixture(scope="module")
def system_voice() -> Iterator[Pyttsx3Voice]:
    reason = _why_not("pyttsx3")
    if reason:
        pytest.skip(reason)
    with Pyttsx3Voice("en-us", timeout_s=3.0) as opened:
        yield opened


def pitch_hz(sound: Sound) -> float:
    """The median fundamental of the voiced frames, by autocorrelation between 60 and 400 Hz."""
    frame, low, high = sound.rate // 20, sound.rate // 400, sound.rate // 60
    found = []
    for start in range(0, len(sound) - frame, frame // 2):
        part = sound.samples[start : start + frame].astype(np.float64)
        part = part - part.mean()
        if np.sqrt(np.mean(part**2)) < 0.03:
            continue
        spectrum = np.fft.rfft(part, 2 * frame)
        same = np.fft.irfft(np.abs(spectrum) ** 2)[:frame]
        lag = low + int(np.argmax(same[low:high]))
        if same[lag] > 0.5 * same[0]:
            found.append(sound.rate / lag)
    assert len(found) > 10, "hardly a voiced frame was found"
    return float(np.median(found))


def test_the_same_text_gives_the_same_samples(voice: Voice) -> None:
    manner = Manner(0.9, -150, 0.8)
    first = voice.speak(LINE, manner)
    voice.speak("Something else in between.", manner)
    again = voice.speak(LINE, manner)
    assert np.array_equal(first.samples, again.samples)
    assert first.samples.dtype == np.float32
    with open_voice(voice.name) as other:
        opened_again = other.speak(LINE, manner)
    assert first.rate == opened_again.rate
    if voice.name.startswith("pyttsx3"):
        # espeak-ng remembers what it spoke before: the same settings give lengths that differ by 10 ms.
        assert len(opened_again) == pytest.approx(len(first), rel=0.01)
    else:
        assert np.array_equal(first.samples, opened_again.samples)


@pytest.mark.parametrize("text", [LINE, "Yeah.", "Hm", "half a thought that"])
def test_the_sound_is_audible_from_end_to_end(voice: Voice, text: str) -> None:
    sound = voice.speak(text)
    heard, frame = audible(sound), sound.rate // 100
    assert heard.start <= frame
    assert len(sound) - heard.end <= 2 * frame


@pytest.mark.parametrize("text", ["", "   ", "...", "\n\t", "—", "?!"])
def test_nothing_to_say_gives_an_empty_sound(voice: Voice, text: str) -> None:
    sound = voice.speak(text)
    assert len(sound) == 0
    assert sound.rate > 0


@pytest.mark.parametrize("rate", [0.8, 0.9, 1.25])
def test_the_rate_divides_the_duration(voice: Voice, rate: float) -> None:
    plain, other = voice.speak(LINE), voice.speak(LINE, Manner(rate))
    assert other.duration_s == pytest.approx(plain.duration_s / rate, rel=0.06)


@pytest.mark.parametrize("cents", [-500, -200, 200])
def test_the_pitch_moves_and_the_tempo_stays(voice: Voice, cents: float) -> None:
    plain, other = voice.speak(VOICED), voice.speak(VOICED, Manner(pitch_cents=cents))
    moved = 1200 * np.log2(pitch_hz(other) / pitch_hz(plain))
    assert moved == pytest.approx(cents, abs=90)
    assert other.duration_s == pytest.approx(plain.duration_s, rel=0.06)


@pytest.mark.parametrize("volume", [0.5, 1.0, 3.0])
def test_loudness_is_common_and_never_clips(voice: Voice, volume: float) -> None:
    sound = voice.speak(LINE, Manner(volume=volume))
    peak = float(np.abs(sound.samples).max())
    assert peak <= CEILING + 1e-6
    assert abs(float(sound.samples.mean())) < 1e-3
    if peak < CEILING - 1e-3:
        assert audible_level_db(sound) == pytest.approx(LEVEL_DB + 20 * np.log10(volume), abs=0.5)
    else:
        assert volume > 1.0, "a plain line is not loud enough to be held back"


@pytest.mark.parametrize("rate", [1.0, 0.85])
def test_a_plain_manner_has_the_same_pace_in_every_engine(voice: Voice, rate: float) -> None:
    sound = voice.speak(PASSAGE, Manner(rate))
    assert 60 * len(PASSAGE.split()) / sound.duration_s == pytest.approx(PLAIN_WPM * rate, rel=0.05)


def test_after_the_worker_is_killed_the_next_line_is_spoken(system_voice: Pyttsx3Voice) -> None:
    before = system_voice.speak(LINE)
    pid = system_voice.worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    other = system_voice.speak("Now for something else.")
    assert other.duration_s > 0.5
    assert system_voice.worker.pid not in (pid, None)
    assert np.array_equal(system_voice.speak(LINE).samples, before.samples)


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP to make a process hang with")
def test_a_worker_that_hangs_is_killed_and_the_line_is_spoken(system_voice: Pyttsx3Voice) -> None:
    system_voice.speak("One.")
    pid = system_voice.worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    assert system_voice.speak("Two, after a stop.").duration_s > 0.5
    assert system_voice.worker.pid not in (pid, None)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_worker_that_always_hangs_is_an_error(system_voice: Pyttsx3Voice) -> None:
    with Pyttsx3Voice("en-us", timeout_s=0.0) as hopeless, pytest.raises(EngineHung, match="gave no answer"):
        hopeless.speak("Nobody will wait for this.")


@pytest.mark.parametrize("name", ["en-uss", "nosuchvoice", "mb-us1"])
def test_a_system_voice_that_is_not_there_is_said_to_be_missing(
    system_voice: Pyttsx3Voice, name: str
) -> None:
    with Pyttsx3Voice(name) as absent, pytest.raises(EngineMissing, match=f"has no voice {name} among"):
        absent.speak("Hello.")


def test_a_voice_that_would_have_to_be_downloaded_is_refused() -> None:
    with pytest.raises(EngineMissing, match="nothing is downloaded"):
        open_voice("hibari:emma").speak("Hello.")


def test_an_unknown_engine_offers_the_nearest() -> None:
    with pytest.raises(EngineMissing, match="Did you mean hibari"):
        open_voice("hibary:heart")
