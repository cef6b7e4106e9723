"""Where speech begins and ends, to a few milliseconds: a detector's boundaries refined on the sound itself.

    detector          |-----------------------|
    sound        .  s h e e p ....... s l e e p s        `refine` moves each boundary to the sound's edge
    refined           ^                         ^

A detector decides by windows of 32 ms and with a memory, so that its boundaries come late by a tenth of a
second or more. Here each boundary is searched in bands of the spectrum relative to what they hold before the
speech, so that an "s" counts that a broad level would miss, and a hum does not that a broad level would show.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from simulator.audio.sound import Samples
from simulator.audio.span import Span, to_samples

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EdgeRules:
    """How far an edge is searched and what counts as sound; found on sound with known edges.

    An onset is looked for from `earlier_s` before the detector's to `later_s` after it, an offset from
    `later_s` after to `back_s` before. `core_db` and `edge_db` are means over the bands, each band's excess
    over the noise limited to `most_db`; `below_peak_db` under the loudest frame nothing is audible.
    """

    earlier_s: float = 0.32
    into_s: float = 0.3
    later_s: float = 0.12
    back_s: float = 0.4
    noise_s: float = 0.7
    gap_s: float = 0.05
    island_s: float = 0.02
    core_s: float = 0.04
    core_db: float = 3.0
    edge_db: float = 1.0
    most_db: float = 20.0
    below_peak_db: float = 42.0


RULES = EdgeRules()
FRAME_S, STEP_S = 0.016, 0.004
BAND_EDGES_HZ = (100, 250, 400, 600, 800, 1050, 1350, 1700, 2100, 2600, 3200, 3900, 4800, 6000, 7600)
NOISE_SPREAD = 0.8
"""The share of the noise's own frames that lie under the threshold before `edge_db` is added."""


def refine(
    samples: Samples, rate: int, span: Span, room: Span | None = None, rules: EdgeRules = RULES
) -> Span:
    """The span of speech `span` with both edges on the sound; `samples` begin at 0 of its clock.

    `room` holds what may be searched: the neighbours' edges where there are any. Sound before and after the
    speech, some 0.3 s or more, tells the noise. A span in which nothing stands out is given back as it is.
    """
    whole = Span(0, len(samples))
    room = whole if room is None else room & whole
    parts = [_bands(samples, part & room, rate) for part in _parts(span, rate, rules)]
    centres = np.concatenate([middles for middles, _ in parts])
    bands = np.concatenate([power for _, power in parts])
    if not len(centres):
        return span
    stands_out = _standing_out(centres, bands, span, rate, rules)
    if stands_out is None:
        return span
    sure, maybe = stands_out
    start = _onset(centres, sure, maybe, span, rate, rules)
    end = _offset(centres, sure, maybe, span, rate, rules)
    start = span.start if start is None else start
    end = span.end if end is None else end
    return Span(start, end) if end > start else span


def _parts(span: Span, rate: int, rules: EdgeRules) -> tuple[Span, ...]:
    """What is looked at: both edges and the noise beside them; the middle of long speech tells nothing."""
    first = span.start - to_samples(rules.noise_s + rules.earlier_s, rate)
    head = Span(max(0, first), span.start + to_samples(rules.into_s + 0.2, rate))
    tail = Span(max(0, span.end - to_samples(rules.back_s + 0.2, rate)), span.end + to_samples(0.5, rate))
    return (head, tail) if head.end < tail.start else (head | tail,)


def _bands(samples: Samples, part: Span, rate: int) -> tuple[NDArray[np.int64], Floats]:
    """The middles of the frames of a part, in samples, and their power, shape (frames, bands)."""
    frame, step = to_samples(FRAME_S, rate), to_samples(STEP_S, rate)
    if len(part) < frame:
        return np.zeros(0, np.int64), np.zeros((0, len(BAND_EDGES_HZ) - 1))
    frames = np.lib.stride_tricks.sliding_window_view(samples[part.start : part.end], frame)[::step]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(frame), axis=1)))
    hz = np.fft.rfftfreq(frame, 1 / rate)
    edges = [low for low in BAND_EDGES_HZ if low <= rate / 2]
    bands = np.stack(
        [power[:, (hz >= low) & (hz < high)].mean(axis=1) for low, high in pairwise(edges)],
        axis=1,
    )
    middles = part.start + frame // 2 + np.arange(len(frames)) * step
    return middles, bands + 1e-12


def _standing_out(
    centres: NDArray[np.int64], bands: Floats, span: Span, rate: int, rules: EdgeRules
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    """Which frames are surely speech, and which may belong to it; `None` where no noise is known."""
    before = centres < span.start - to_samples(0.1, rate)
    after = centres > span.end + to_samples(0.02, rate)
    quiet = before | after
    if quiet.sum() * STEP_S < 0.06:
        return None
    noise = np.median(bands[quiet], axis=0) * 1.44  # the mean of an exponential over its median
    excess = np.clip(10 * np.log10(bands / noise), 0, rules.most_db).mean(axis=1)
    smooth = np.convolve(excess, np.ones(3) / 3, "same")
    floor = float(np.quantile(smooth[quiet], NOISE_SPREAD))
    level = 10 * np.log10(bands.sum(axis=1))
    inside = (centres >= span.start) & (centres < span.end)
    audible = level > level[inside].max() - rules.below_peak_db if inside.any() else np.ones(len(level), bool)
    return (smooth > floor + rules.core_db) & audible, (smooth > floor + rules.edge_db) & audible


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The stretches of true frames, as half-open pairs of frame numbers."""
    changes = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in zip(changes[::2], changes[1::2], strict=True)]


def _onset(
    centres: NDArray[np.int64],
    sure: NDArray[np.bool_],
    maybe: NDArray[np.bool_],
    span: Span,
    rate: int,
    rules: EdgeRules,
) -> int | None:
    first = span.start - to_samples(rules.earlier_s, rate)
    last = min(span.start + to_samples(rules.into_s, rate), span.end)
    core = next(
        (
            a
            for a, b in _runs(sure)
            if _long(b - a, rules.core_s) and centres[b - 1] >= span.start - to_samples(0.05, rate)
        ),
        None,
    )
    if core is None or centres[core] > last:
        return None
    return _walk(centres, maybe, core, first, rules)


def _walk(
    centres: NDArray[np.int64], maybe: NDArray[np.bool_], core: int, until: int, rules: EdgeRules
) -> int:
    """From a sure frame back to where the sound begins, over gaps that a stop consonant may leave."""
    edge = core
    for start, end in reversed([run for run in _runs(maybe) if run[0] <= core]):
        if (
            start < edge <= end
            or start <= edge < end
            or ((edge - end) * STEP_S <= rules.gap_s and _long(end - start, rules.island_s))
        ):
            edge = start
        else:
            break
    return max(int(centres[edge]), until)


def _long(frames: int, length_s: float) -> bool:
    return frames * STEP_S >= length_s


def _offset(
    centres: NDArray[np.int64],
    sure: NDArray[np.bool_],
    maybe: NDArray[np.bool_],
    span: Span,
    rate: int,
    rules: EdgeRules,
) -> int | None:
    """The same, mirrored in time."""
    mirrored = -centres[::-1]
    back = EdgeRules(
        earlier_s=rules.later_s,
        into_s=rules.back_s,
        gap_s=rules.gap_s,
        island_s=rules.island_s,
        core_s=rules.core_s,
    )
    found = _onset(mirrored, sure[::-1], maybe[::-1], Span(-span.end, -span.start), rate, back)
    return None if found is None else -found
