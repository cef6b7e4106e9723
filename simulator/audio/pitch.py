"""Pitch, periodicity and bands of a sound, frame by frame: what voices are told by. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
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


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """What all sounds of one rate share.

    `similar` is the window's own autocorrelation at `lags`, from its first lag to past its last; `bands` are
    half-open ranges of the spectrum's lines.
    """

    frame: int
    step: int
    size: int
    window: Floats
    heard: NDArray[np.bool_]
    lags: tuple[int, int]
    similar: Floats
    bands: tuple[tuple[int, int], ...]


@cache
def _plan(rate: int) -> _Plan:
    frame = to_samples(FRAME_S, rate)
    window = np.hanning(frame)
    size = 1 << int(np.ceil(np.log2(1.5 * frame)))
    hz = np.fft.rfftfreq(size, 1 / rate)
    of_window = np.fft.irfft(np.square(np.abs(np.fft.rfft(window, size))))
    first, past = int(rate / HIGHEST_HZ), int(rate / LOWEST_HZ) + 1
    return _Plan(
        frame,
        to_samples(STEP_S, rate),
        size,
        window,
        (hz >= PITCH_BAND_HZ[0]) & (hz <= PITCH_BAND_HZ[1]),
        (first, past),
        of_window[first:past] / of_window[0],
        tuple(pairwise(np.searchsorted(hz, BAND_EDGES_HZ).tolist())),
    )


def track(samples: Samples, rate: int) -> Track:
    """Pitch, periodicity and bands of a sound.

    The autocorrelation of a windowed frame over that of its window (Boersma 1993), by FFT.
    """
    plan = _plan(rate)
    if len(samples) < plan.frame:
        empty = np.zeros(0)
        return Track(np.zeros(0, np.int64), empty, empty, np.zeros((0, len(plan.bands))))
    frames = np.lib.stride_tricks.sliding_window_view(samples, plan.frame)[:: plan.step]
    power = np.square(np.abs(np.fft.rfft(frames * plan.window, plan.size, axis=1)))
    own = np.fft.irfft(power * plan.heard, axis=1)
    first, past = plan.lags
    similar = own[:, first:past] / (own[:, :1] + 1e-12) / plan.similar
    peak = np.zeros(similar.shape, bool)
    peak[:, 1:-1] = (similar[:, 1:-1] >= similar[:, :-2]) & (similar[:, 1:-1] >= similar[:, 2:])
    # The shortest lag that is nearly the best: no octave below.
    good = peak & (similar >= 0.9 * similar.max(axis=1, keepdims=True))
    at = np.where(good.any(axis=1), good.argmax(axis=1), similar.argmax(axis=1))
    rows = np.arange(len(frames))
    by_line = np.ascontiguousarray(power.T)  # whole rows are added up sooner than parts of them
    bands = np.stack([by_line[low:high].sum(axis=0) for low, high in plan.bands], axis=1)
    return Track(
        plan.frame // 2 + rows * plan.step,
        12 * np.log2(rate / (first + at)),
        np.clip(similar[rows, at], 0, 1),
        bands + 1e-12,
    )


class Tracker:
    """The track of a sound that goes on and is looked at again and again.

    Looks overlap for most of their length. A frame tells the same whatever lies beside it, so that only those
    are worked out which the last look did not have.
    """

    def __init__(self, rate: int):
        self._rate, self._plan = rate, _plan(rate)
        self._start = 0
        self._last = track(np.zeros(0, np.float32), rate)

    def track(self, samples: Samples, start: int) -> Track:
        """What `track` gives for `samples`, to rounding; they begin at `start` of the sound's clock.

        What lies at one moment of that clock has to be the same each time. A look whose frames lie between
        the last one's, or that has none in common with it, is worked out anew.
        """
        frame, step, last = self._plan.frame, self._plan.step, self._last
        past, off_grid = divmod(start - self._start, step)
        count = (len(samples) - frame) // step + 1
        known = len(last.middles) - past
        if off_grid or past < 0 or not 0 < known <= count:
            found = track(samples, self._rate)
        else:
            new = track(samples[known * step :], self._rate)
            found = Track(
                frame // 2 + np.arange(count) * step,
                np.concatenate((last.pitch_st[past:], new.pitch_st)),
                np.concatenate((last.periodicity[past:], new.periodicity)),
                np.concatenate((last.power[past:], new.power)),
            )
        self._start, self._last = start, found
        return found
