"""Sound: mono samples with their rate. WAV in and out, resampling, loudness."""

from __future__ import annotations

import wave
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.audio.span import Span, to_samples
from simulator.errors import SoundError

Samples = NDArray[np.float32]
"""float32 in [-1, 1], shape (n,), mono."""

SILENCE_DB = -120.0
"""What `level_db` says of digital silence, whose level is minus infinity."""


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """Mono sound: `samples` float32 in [-1, 1], shape (n,); `rate` in Hz.

    Raises:
        SoundError: the samples are not one-dimensional, or the rate is not positive.
    """

    samples: Samples
    rate: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 1:
            raise SoundError(f"a sound is mono, shape (n,); this one has shape {self.samples.shape}")
        if self.rate <= 0:
            raise SoundError(f"a sound needs a rate above zero, not {self.rate} Hz")

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate

    def cut(self, span: Span) -> Sound:
        """The part inside `span`, counted from the sound's own first sample."""
        return Sound(self.samples[max(0, span.start) : max(0, span.end)], self.rate)


def silence(duration_s: float, rate: int) -> Sound:
    """Digital silence."""
    return Sound(np.zeros(to_samples(duration_s, rate), np.float32), rate)


def join(sounds: Iterable[Sound], rate: int) -> Sound:
    """One after the other.

    Raises:
        SoundError: one of them has another rate.
    """
    parts = list(sounds)
    for part in parts:
        if part.rate != rate:
            raise SoundError(f"a sound of {part.rate} Hz cannot be joined at {rate} Hz; resample it first")
    return Sound(np.concatenate([np.zeros(0, np.float32), *(part.samples for part in parts)]), rate)


def resample(sound: Sound, rate: int) -> Sound:
    """The same sound at another rate (soxr, high quality). At the same rate, the same object."""
    if sound.rate == rate:
        return sound
    import soxr

    return Sound(np.asarray(soxr.resample(sound.samples, sound.rate, rate), np.float32), rate)


def level_db(samples: Samples) -> float:
    """Root mean square in dB relative to full scale; `SILENCE_DB` for silence or nothing."""
    if not len(samples):
        return SILENCE_DB
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    return max(SILENCE_DB, 20 * float(np.log10(rms))) if rms > 0 else SILENCE_DB


def amplify(samples: Samples, gain_db: float) -> Samples:
    """The samples, louder by `gain_db`; not clipped."""
    return (samples * np.float32(10 ** (gain_db / 20))).astype(np.float32)


def audible(sound: Sound, below_peak_db: float = 40.0) -> Span:
    """From the first to the last audible sample: 10 ms frames no more than `below_peak_db` under the loudest.

    Silence gives the empty span at 0.
    """
    frame = max(1, sound.rate // 100)
    whole = len(sound.samples) // frame * frame
    if whole == 0:
        return Span(0, len(sound.samples)) if np.any(sound.samples) else Span(0, 0)
    energy = np.square(sound.samples[:whole].reshape(-1, frame)).mean(axis=1)
    if energy.max() <= 0:
        return Span(0, 0)
    loud = np.flatnonzero(energy >= energy.max() * 10 ** (-below_peak_db / 10))
    return Span(int(loud[0]) * frame, min(len(sound.samples), (int(loud[-1]) + 1) * frame))


def read_wav(path: Path) -> Sound:
    """A 16-bit PCM mono WAV file.

    Raises:
        SoundError: the file is missing, is no WAV, or is a WAV of another kind.
    """
    cure = "Convert it to 16-bit PCM mono, for example: sox IN.wav -b 16 -c 1 -e signed OUT.wav"
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            data = file.readframes(file.getnframes())
    except FileNotFoundError as error:
        raise SoundError(f"There is no sound file {path}. Check the name.") from error
    except OSError as error:
        raise SoundError(f"{path} cannot be read: {error.strerror}.") from error
    except (wave.Error, EOFError) as error:
        raise SoundError(f"{path} is not a PCM WAV file ({error}). {cure}") from error
    if channels != 1 or width != 2:
        raise SoundError(f"{path} has {channels} channels of {8 * width} bits. {cure}")
    samples = np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / np.float32(32768)
    return Sound(samples, rate)


def write_wav(path: Path, sound: Sound) -> None:
    """Writes 16-bit PCM mono; samples beyond [-1, 1] are clipped.

    Raises:
        OSError: the file cannot be written.
    """
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sound.rate)
        file.writeframes(to_pcm16(sound.samples))


def to_pcm16(samples: Samples) -> bytes:
    """Little-endian signed 16-bit PCM; samples beyond [-1, 1] are clipped."""
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
