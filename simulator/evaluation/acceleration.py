"""Whether a turn gets faster while it lasts: who hurries leaves the client behind.

words     one two three  four five six | seven eight nine ten eleven twelve
rate      syllables a second, pauses left out | the same of the second half
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from simulator.audio.span import Word, to_samples, to_seconds
from simulator.dialogue.floor import PAUSE_S
from simulator.dialogue.turns import Utterance
from simulator.evaluation.findings import Measure
from simulator.language import Language
from simulator.language.syllables import syllables

LEAST_WORDS = 12
"""A turn of fewer words is too short to be compared with itself (convention)."""


def acceleration(turns: Sequence[Sequence[Utterance]], rate: int, language: Language) -> Measure:
    """The median over turns of the second half's articulation rate over the first half's, less 1.

    0.2: the second half of the words was spoken a fifth faster. Needs words with times.
    """
    found = []
    for turn in turns:
        words = [word for utterance in turn for word in utterance.words]
        middle = len(words) // 2
        if len(words) >= LEAST_WORDS:
            first, second = (_articulation(half, rate, language) for half in (words[:middle], words[middle:]))
            if first and second:
                found.append(second / first - 1)
    if not found:
        return Measure("acceleration", None, "share", 0, f"no turn of {LEAST_WORDS} words or more")
    return Measure("acceleration", round(median(found), 3), "share", len(found))


def _articulation(words: Sequence[Word], rate: int, language: Language) -> float | None:
    """Syllables a second, silences of `PAUSE_S` and more left out; `None` where the words have no length."""
    gaps = [earlier.span.gap_to(later.span) for earlier, later in pairwise(words)]
    pauses = sum(gap for gap in gaps if gap >= to_samples(PAUSE_S, rate))
    length_s = to_seconds(words[-1].span.end - words[0].span.start - pauses, rate)
    spoken = sum(syllables(word.text, language) for word in words)
    return spoken / length_s if length_s > 0 else None
