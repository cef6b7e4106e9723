"""Places on the tape. Every moment is an `int`: a count of samples on the session clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


def to_samples(seconds: float, rate: int) -> int:
    """Seconds to samples; the only place where a moment is rounded."""
    return round(seconds * rate)


def to_seconds(samples: int, rate: int) -> float:
    """Samples to seconds."""
    return samples / rate


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open interval `[start, end)` in samples on the session clock, `start <= end`.

    ``a & b`` is the intersection: empty, and therefore false, where the two do not meet.
    ``moment in span`` and ``inner in outer`` ask for containment; ``len(span)`` is the length in samples.

    Raises:
        ValueError: the end lies before the start.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"a span cannot end at {self.end}, before its start at {self.start}")

    def __len__(self) -> int:
        return self.end - self.start

    def __and__(self, other: Span) -> Span:
        start = max(self.start, other.start)
        return Span(start, max(start, min(self.end, other.end)))

    def __or__(self, other: Span) -> Span:
        """The smallest span that covers both, the space between them included."""
        return Span(min(self.start, other.start), max(self.end, other.end))

    def __contains__(self, item: object) -> bool:
        if isinstance(item, Span):
            return self.start <= item.start and item.end <= self.end
        return isinstance(item, int) and self.start <= item < self.end

    def shift(self, by: int) -> Span:
        """The same interval, `by` samples later."""
        return Span(self.start + by, self.end + by)

    def gap_to(self, later: Span) -> int:
        """Samples from this end to the start of `later`; negative where they overlap."""
        return later.start - self.end


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it was heard, with its place.

    `text` is as the engine wrote it, punctuation included. `confidence` is in [0, 1], or `None` when the
    engine does not say.
    """

    text: str
    span: Span
    confidence: float | None = None


def cover(spans: Iterable[Span]) -> Span:
    """The smallest span that covers all of `spans`.

    Raises:
        ValueError: there are none.
    """
    known = tuple(spans)
    if not known:
        raise ValueError("there is nothing to cover")
    return Span(min(span.start for span in known), max(span.end for span in known))
