"""Sounds on their way out of a loudspeaker whose clock is known: what `Room` and `Tape` share."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from simulator.audio.sound import Samples
from simulator.audio.span import Span


def faded(samples: Samples, length: int, fade: int) -> Samples:
    """The first `length` samples and then `fade` more that fall linearly to silence."""
    kept = samples[: length + fade].copy()
    tail = len(kept) - length
    if tail > 0:
        kept[length:] *= np.linspace(1, 0, fade, endpoint=False, dtype=np.float32)[:tail]
    return kept


class Sounding:
    """A `Playback` with a known start.

    Args:
        samples: the sound, at the clock's rate.
        start: where its first sample sounds.
        now: the clock, samples read so far.
        next_free: the first moment that can still be changed.
    """

    def __init__(self, samples: Samples, start: int, now: Callable[[], int], next_free: Callable[[], int]):
        self.samples = np.asarray(samples, np.float32)
        self._start, self._now, self._next_free = start, now, next_free
        self._stopped = False

    @property
    def start(self) -> int:
        """Where the first sample sounds."""
        return self._start

    @property
    def span(self) -> Span:
        """Where it sounds, to its end or to where it was stopped."""
        return Span(self._start, self._start + len(self.samples))

    @property
    def sounded(self) -> int:
        """Samples that have sounded at the clock's present moment."""
        return min(max(0, self._now() - self._start), len(self.samples))

    @property
    def done(self) -> bool:
        """Whether it has sounded to its end, or to where it was stopped."""
        return not len(self.samples) or self._now() >= self.span.end

    def stop(self, fade: int = 0) -> None:
        """Fade out over `fade` samples from the first moment that can still be changed."""
        if not self._stopped:
            self._stopped = True
            self.samples = faded(self.samples, max(0, self._next_free() - self._start), fade)


def mix(sounds: Iterable[Sounding], span: Span) -> Samples:
    """What `sounds` give inside `span`, added up: shape (len(span),)."""
    mixed = np.zeros(len(span), np.float32)
    for sound in sounds:
        both = span & sound.span
        if both:
            part = sound.samples[both.start - sound.start : both.end - sound.start]
            mixed[both.start - span.start : both.end - span.start] += part
    return mixed
