"""Whether a turn gets faster, from words with known times."""

from __future__ import annotations

import pytest

from simulator.audio.span import Span, Word
from simulator.dialogue.turns import Speaker, Utterance
from simulator.evaluation.acceleration import LEAST_WORDS, acceleration
from simulator.language import load_language

RATE = 100
EN = load_language("en")


def spoken(lengths: list[int], silences: dict[int, int] | None = None) -> Utterance:
    """One-syllable words of these lengths, with silences before some of them."""
    at, words = 0, []
    for number, length in enumerate(lengths):
        at += (silences or {}).get(number, 0)
        words.append(Word("so", Span(at, at + length), None))
        at += length
    return Utterance(Speaker.TRAINEE, Span(0, at), " ".join("so" for _ in lengths), tuple(words))


@pytest.mark.parametrize(
    ("lengths", "value"),
    [([20] * 12, 0.0), ([20] * 6 + [16] * 6, 0.25), ([20] * 6 + [25] * 6, -0.2)],
    ids=["even", "faster", "slower"],
)
def test_the_second_half_is_compared_with_the_first(lengths: list[int], value: float) -> None:
    told = acceleration([[spoken(lengths)]], RATE, EN)
    assert (told.value, told.n, told.unit) == (pytest.approx(value), 1, "share")


def test_pauses_make_nobody_slow() -> None:
    assert acceleration([[spoken([20] * 12, {3: 100, 9: 300})]], RATE, EN).value == 0.0


def test_short_turns_say_nothing() -> None:
    told = acceleration([[spoken([20] * (LEAST_WORDS - 1))]], RATE, EN)
    assert (told.value, told.n) == (None, 0)
    assert told.why
