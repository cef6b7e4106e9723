"""Level 1: endpointing, drawn at 10 Hz. `#` is speech, `.` is silence; a window is one sample."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.audio.span import Span
from simulator.dialogue.endpoint import (
    Change,
    Endpointer,
    EndpointRules,
    SpeechStarted,
    TurnOver,
    UtteranceEnded,
)

RULES = EndpointRules(onset=1, utterance_silence=2, turn_silence=8, longest_turn=60)


def run(track: str, rules: EndpointRules = RULES) -> list[Change]:
    """The changes a drawn track makes: `#` is 0.9, `.` is 0.1, `?` is 0.4 (between the two thresholds)."""
    endpointer = Endpointer(rules)
    chance = {"#": 0.9, ".": 0.1, "?": 0.4}
    return [
        change for at, mark in enumerate(track) for change in endpointer.feed(Span(at, at + 1), chance[mark])
    ]


@pytest.mark.parametrize(
    ("track", "expected"),
    [
        ("..........", []),
        ("..####....", [SpeechStarted(2), UtteranceEnded(Span(2, 6))]),
        ("..####.###..", [SpeechStarted(2), UtteranceEnded(Span(2, 10))]),
        (
            "..###...##........",
            [
                SpeechStarted(2),
                UtteranceEnded(Span(2, 5)),
                SpeechStarted(8),
                UtteranceEnded(Span(8, 10)),
                TurnOver(10, 18),
            ],
        ),
        ("##??##..", [SpeechStarted(0), UtteranceEnded(Span(0, 6))]),
        ("..??....", []),
    ],
    ids=[
        "silence",
        "one utterance",
        "a stop is no silence",
        "two silences",
        "a doubtful vowel",
        "doubtful noise",
    ],
)
def test_a_drawn_track(track: str, expected: list[Change]) -> None:
    assert run(track) == expected


def test_a_click_is_no_speech() -> None:
    rules = EndpointRules(onset=2, utterance_silence=2, turn_silence=8, longest_turn=60)
    assert run("..#......#...........", rules) == []
    assert run("..##.....", rules) == [SpeechStarted(2), UtteranceEnded(Span(2, 4))]


def test_open_patience_never_ends_a_turn_by_silence() -> None:
    rules = EndpointRules(onset=1, utterance_silence=2, turn_silence=None, longest_turn=60)
    assert run("###" + "." * 200, rules) == [SpeechStarted(0), UtteranceEnded(Span(0, 3))]


def test_the_hard_limit_cuts_and_says_so() -> None:
    changes = run("#" * 70)
    assert changes[:3] == [SpeechStarted(0), UtteranceEnded(Span(0, 60)), TurnOver(60, 60, cut=True)]


def test_a_trailing_word_makes_the_silence_longer_once() -> None:
    endpointer = Endpointer(RULES)
    for at in range(3):
        endpointer.feed(Span(at, at + 1), 0.9)
    endpointer.wait_longer(4)
    over = [
        c for at in range(3, 30) for c in endpointer.feed(Span(at, at + 1), 0.0) if isinstance(c, TurnOver)
    ]
    assert over == [TurnOver(3, 15)]


def test_ending_a_turn_by_hand() -> None:
    endpointer = Endpointer(RULES)
    for at in range(5):
        endpointer.feed(Span(at, at + 1), 0.9)
    assert endpointer.end_turn() == (UtteranceEnded(Span(0, 5)), TurnOver(5, 5))
    assert endpointer.end_turn() == ()


def test_what_is_forgotten_ends_no_turn_and_what_goes_on_does() -> None:
    endpointer = Endpointer(RULES)
    for at in range(3):
        endpointer.feed(Span(at, at + 1), 0.9)
    for at in range(3, 6):
        endpointer.feed(Span(at, at + 1), 0.0)
    endpointer.forget_turn()
    assert [c for at in range(6, 40) for c in endpointer.feed(Span(at, at + 1), 0.0)] == []


@given(st.text(alphabet="#.?", max_size=200))
def test_utterances_are_inside_the_track_and_apart(track: str) -> None:
    changes = run(track + "." * 8)
    spans = [change.span for change in changes if isinstance(change, UtteranceEnded)]
    assert all(0 <= span.start < span.end <= len(track) for span in spans)
    assert all(
        a.gap_to(b) >= RULES.utterance_silence or len(a) >= RULES.longest_turn - 1 or _cut(changes)
        for a, b in itertools.pairwise(spans)
    )
    assert sum(isinstance(c, SpeechStarted) for c in changes) == len(spans)


def _cut(changes: list[Change]) -> bool:
    return any(isinstance(change, TurnOver) and change.cut for change in changes)


@given(st.text(alphabet="#.?", max_size=120), st.integers(0, 50))
def test_a_later_start_moves_everything_by_as_much(track: str, later: int) -> None:
    endpointer, shifted = Endpointer(RULES), Endpointer(RULES)
    chance = {"#": 0.9, ".": 0.1, "?": 0.4}
    for at, mark in enumerate(track):
        here = endpointer.feed(Span(at, at + 1), chance[mark])
        there = shifted.feed(Span(at + later, at + later + 1), chance[mark])
        assert len(here) == len(there)
        for one, other in zip(here, there, strict=True):
            assert _moments(other) == [moment + later for moment in _moments(one)]


def _moments(change: Change) -> list[int]:
    if isinstance(change, UtteranceEnded):
        return [change.span.start, change.span.end]
    return [change.at, change.decided_at] if isinstance(change, TurnOver) else [change.at]
