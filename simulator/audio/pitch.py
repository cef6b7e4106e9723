"""Pitch, periodicity and bands of a sound, frame by frame: what voices are told by. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from simulator.audio.sound import Samples
from simulator.audio.span import to_samples

Floats = NDArray[np.float64]

FRAME_S, STEP_S = 0.04, 0.01
LOWEST_HZ, HIGHEST_HZ = 75.0, 400.0
"""The pitch of grown-up voices."""

PITCH_BAND_HZ = (70.0, 1500.0)
"""Where periodicity is looked for: most of a voice's energy lies there, and less of most noises'."""

BAND_EDGES_HZ = (
    100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700, 4400,
)  # fmt: skip
"""Critical bands (Zwicker 1961) that hold the first three formants."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """A sound by frames of `FRAME_S`, one each `STEP_S`; shape (frames,) unless said otherwise.

    `pitch_st` (semitones over 1 Hz) means something where `periodicity` (the autocorrelation at that period,
    0 to 1) is high. `power` is that of the bands, shape (frames, bands).
    """

    middles: NDArray[np.int64]
    pitch_st: Floats
    periodicity: Floats
    power: Floats


def track(samples: Samples, rate: int) -> Track:
    """Pitch, periodicity and bands of a sound.

    The autocorrelation of a windowed frame over that of its window (Boersma 1993), by FFT.
    """
    frame, step = to_samples(FRAME_S, rate), to_samples(STEP_S, rate)
    if len(samples) < frame:
        empty = np.zeros(0)
        return Track(np.zeros(0, np.int64), empty, empty, np.zeros((0, len(BAND_EDGES_HZ) - 1)))
    frames = np.lib.stride_tricks.sliding_window_view(samples, frame)[::step]
    window = np.hanning(frame)
    size = 1 << int(np.ceil(np.log2(1.5 * frame)))
    power = np.square(np.abs(np.fft.rfft(frames * window, size, axis=1)))
    hz = np.fft.rfftfreq(size, 1 / rate)
    heard = (hz >= PITCH_BAND_HZ[0]) & (hz <= PITCH_BAND_HZ[1])
    own = np.fft.irfft(power * heard, axis=1)
    of_window = np.fft.irfft(np.square(np.abs(np.fft.rfft(window, size))))
    lags = np.arange(int(rate / HIGHEST_HZ), int(rate / LOWEST_HZ) + 1)
    similar = own[:, lags] / (own[:, :1] + 1e-12) / (of_window[lags] / of_window[0])
    peak = np.zeros(similar.shape, bool)
    peak[:, 1:-1] = (similar[:, 1:-1] >= similar[:, :-2]) & (similar[:, 1:-1] >= similar[:, 2:])
    # The shortest lag that is nearly the best: no octave below.
    good = peak & (similar >= 0.9 * similar.max(axis=1, keepdims=True))
    at = np.where(good.any(axis=1), good.argmax(axis=1), similar.argmax(axis=1))
    rows = np.arange(len(frames))
    bands = np.stack([power[:, (hz >= a) & (hz < b)].sum(axis=1) for a, b in pairwise(BAND_EDGES_HZ)], axis=1)
    return Track(
        frame // 2 + rows * step,
        12 * np.log2(rate / lags[at]),
        np.clip(similar[rows, at], 0, 1),
        bands + 1e-12,
    )
