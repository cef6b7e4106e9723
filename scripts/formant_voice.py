"""A voice out of harmonics and three formants: sounds whose stillness is known exactly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simulator.audio.sound import Samples

RATE = 16_000
Vowel = tuple[float | None, ...]
"""Three formants in Hz; `None`: that formant is missing."""

UH: Vowel = (620.0, 1200.0, 2500.0)
AH: Vowel = (750.0, 1150.0, 2500.0)
EE: Vowel = (300.0, 2250.0, 3000.0)
OO: Vowel = (330.0, 900.0, 2300.0)
EH: Vowel = (560.0, 1800.0, 2550.0)
MM: Vowel = (260.0, None, None)


def voiced(path: Sequence[Vowel], length_s: float, start_hz: float = 120.0, end_hz: float = 118.0) -> Samples:
    """A voice whose formants go along `path`, as loud as the others, with soft edges."""
    count = round(length_s * RATE)
    time = np.linspace(0, len(path) - 1, count)
    at = np.arange(len(path))
    pitch = np.linspace(start_hz, end_hz, count)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    sound = np.zeros(count)
    strong = [[1.0 if vowel[i] is not None else 0.003 for vowel in path] for i in range(3)]
    known = [[vowel[i] or (800.0, 1600.0, 2600.0)[i] for vowel in path] for i in range(3)]
    for harmonic in range(1, int(4000 / start_hz)):
        hz = harmonic * pitch
        loud = sum(
            np.interp(time, at, strong[i]) / (1 + np.square((hz - np.interp(time, at, known[i])) / 70)) * part
            for i, part in ((0, 1.0), (1, 0.5), (2, 0.25))
        )
        sound += loud * np.sin(harmonic * phase) / harmonic
    sound *= 0.07 / np.sqrt(np.square(sound).mean())
    edge = np.minimum(1, np.minimum(np.arange(count), np.arange(count)[::-1]) / (0.025 * RATE))
    return (sound * edge).astype(np.float32)
