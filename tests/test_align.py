"""Where words lie in a sound: every word gets a place, whatever is written."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from simulator.audio.sound import join, resample, silence
from simulator.speech.align import Aligner, fill, guess_phones, share, tokens
from simulator.speech.hearing import place, to_pcm
from simulator.speech.voices import open_voice

RATE = 16_000
TEXT = "I am sorry. That sounds very hard."


@pytest.fixture(scope="module")
def aligner() -> Aligner:
    return Aligner()


@pytest.fixture(scope="module")
def spoken() -> tuple[NDArray[np.int16], int]:
    """Two sentences a second apart, and the sample the second one starts at."""
    with open_voice("hibari:heart") as voice:
        first, second = (resample(voice.speak(t), RATE) for t in ("I am sorry.", "That sounds very hard."))
    sound = join([silence(0.5, RATE), first, silence(1.0, RATE), second, silence(0.2, RATE)], RATE)
    return to_pcm(sound.samples), len(first) + round(1.5 * RATE)


def in_order(places: list[tuple[int, int]], length: int) -> bool:
    inside = all(0 <= start <= end <= length for start, end in places)
    return inside and all(a[1] <= b[0] for a, b in itertools.pairwise(places))


def test_words_are_found_where_they_were_spoken(
    aligner: Aligner, spoken: tuple[NDArray[np.int16], int]
) -> None:
    pcm, second_at = spoken
    places = aligner.align(pcm, TEXT.split(), (0, len(pcm)))
    assert in_order(places, len(pcm))
    assert places[0][0] == pytest.approx(0.5 * RATE, abs=0.1 * RATE)
    assert places[3][0] == pytest.approx(second_at, abs=0.1 * RATE)
    assert places[2][1] <= second_at - 0.5 * RATE, "the pause belongs to no word"


@pytest.mark.parametrize(
    "text",
    [
        "I am sorry — that sounds very hard.",
        "I’m sörry. That sounds (very) hard!",
        "I am sorry. Thatz soundz 10 zorblish.",
        "… I am sorry. ?!",
        "12 24 36",
        "안녕 ...",
    ],
)
def test_every_written_word_gets_a_place(
    aligner: Aligner, spoken: tuple[NDArray[np.int16], int], text: str
) -> None:
    pcm, _ = spoken
    places = aligner.align(pcm, text.split(), (8000, len(pcm) - 3200))
    assert len(places) == len(text.split())
    assert in_order(places, len(pcm))


def test_a_text_that_cannot_be_said_in_the_sound_is_spread_over_the_voice(aligner: Aligner) -> None:
    words = ["extraordinary"] * 6
    places = aligner.align(np.zeros(3200, np.int16), words, (400, 2800))
    assert (places[0][0], places[-1][1]) == (400, 2800)
    assert in_order(places, 3200)
    assert len({end - start for start, end in places}) == 1


def test_the_same_sound_is_aligned_the_same_way_whatever_came_before(
    aligner: Aligner, spoken: tuple[NDArray[np.int16], int]
) -> None:
    pcm, second_at = spoken
    fresh = Aligner().align(pcm, TEXT.split(), (0, len(pcm)))
    aligner.align(pcm[second_at:], ["That", "sounds", "very", "hard."], (0, len(pcm) - second_at))
    assert aligner.align(pcm, TEXT.split(), (0, len(pcm))) == fresh


@pytest.mark.parametrize(
    ("written", "spoken_tokens"),
    [
        ("Mm-hm,", ["mm", "hm"]),
        ("don’t", ["don't"]),
        ("10", ["one", "zero"]),
        ("—", []),
        ("(Yes!)", ["yes"]),
    ],
)
def test_tokens(written: str, spoken_tokens: list[str]) -> None:
    assert tokens(written) == spoken_tokens


def test_phones_by_spelling_are_phones_the_model_knows(aligner: Aligner) -> None:
    for word in ("zorblish", "mmhm", "qwx", "thoughtfulnessy", "yeahh", "hm"):
        assert guess_phones(word)
        assert aligner.align(np.zeros(RATE, np.int16), [word], (0, RATE))
    assert guess_phones("bake") == "B AE K"


def test_words_without_a_place_share_that_of_their_neighbour() -> None:
    assert fill(["a", "b", "c"], [(0, 10), None, (20, 30)], (0, 30)) == [(0, 5), (5, 10), (20, 30)]
    assert fill(["a", "b"], [None, (10, 20)], (0, 30)) == [(10, 15), (15, 20)]
    assert fill(["a", "bbb"], [None, None], (4, 12)) == [(4, 6), (6, 12)]
    assert fill([], [], (0, 0)) == []


@given(st.lists(st.integers(0, 20), min_size=1), st.integers(0, 1000), st.integers(0, 1000))
def test_shares_fill_their_place_without_holes(lengths: list[int], start: int, length: int) -> None:
    shares = share(lengths, (start, start + length))
    assert len(shares) == len(lengths)
    assert (shares[0][0], shares[-1][1]) == (start, start + length)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(shares))


@given(st.lists(st.tuples(st.integers(-50, 200), st.integers(-50, 200))), st.integers(0, 100))
def test_whatever_an_engine_says_words_stay_in_the_sound_and_in_order(
    found: list[tuple[int, int]], length: int
) -> None:
    words = place([("w", a, b, None) for a, b in found], 1000, length).words
    assert all(1000 <= w.span.start <= w.span.end <= 1000 + length for w in words)
    assert all(a.span.start <= b.span.start for a, b in itertools.pairwise(words))
