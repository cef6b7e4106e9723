"""Level 1: endpointing, drawn at 10 Hz. `#` is speech, `.` is silence; a window is one sample."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from math import log
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.audio.span import Span
from simulator.dialogue.endpoint import (
    PAUSE_MEDIAN,
    PAUSE_SPREAD,
    Change,
    Endpointer,
    EndpointRules,
    LimitNear,
    NoiseFloor,
    SpeechStarted,
    TurnOver,
    UtteranceEnded,
    finished,
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
    ("track", "plain"),
    [
        ("..####....", Span(2, 6)),
        ("..####?..", Span(2, 6)),  # doubtful at its end
        ("..##??#?..", Span(2, 7)),
        ("..#???????..", None),  # doubtful for long
    ],
)
def test_what_is_doubtful_at_the_end_is_told_apart(track: str, plain: Span | None) -> None:
    (ended,) = [change for change in run(track) if isinstance(change, UtteranceEnded)]
    assert ended.plain == plain


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
    assert run("###" + "." * 50, rules) == [SpeechStarted(0), UtteranceEnded(Span(0, 3))]


def test_whoever_has_left_an_open_turn_does_not_keep_it_for_ever() -> None:
    """The cap counts silences too, and warns: whoever goes on late is not cut off at the first word."""
    rules = EndpointRules(onset=1, utterance_silence=2, turn_silence=None, longest_turn=60, warn_before=10)
    found = run("###" + "." * 100, rules)[2:]
    assert found == [LimitNear(50, 60), TurnOver(3, 60, cut=True)]


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


ASKING = EndpointRules(
    onset=1,
    utterance_silence=2,
    turn_silence=8,
    longest_turn=60,
    shortest_silence=4,
    longest_silence=12,
    cut_off_cost=5.0,
)


def play(track: str, rules: EndpointRules, told: dict[int, Callable[[Endpointer], None]]) -> list[Change]:
    """As `run`; before the window at each moment of `told`, the endpointer is told that."""
    endpointer, changes = Endpointer(rules), []
    for at, mark in enumerate(track):
        if at in told:
            told[at](endpointer)
        changes += endpointer.feed(Span(at, at + 1), {"#": 0.9, ".": 0.1, "?": 0.4}[mark])
    return changes


def overs(changes: list[Change]) -> list[TurnOver]:
    return [change for change in changes if isinstance(change, TurnOver)]


OVER, GOES_ON = 20.0, -20.0


@pytest.mark.parametrize(
    ("words", "silence"),
    [(OVER, 4), (1.0, 6), (0.0, 9), (-0.5, 11), (GOES_ON, 12), (None, 8)],
    ids=["over", "likely over", "half", "likely going on", "going on", "no answer"],
)
def test_the_words_decide_how_long_the_silence_must_be(words: float | None, silence: int) -> None:
    #        ###............
    # told   ...  ^
    changes = play("###" + "." * 20, ASKING, {5: lambda it: it.judge(Span(0, 3), words=words)})
    assert overs(changes) == [TurnOver(3, 3 + silence)]


def test_the_silence_chosen_costs_the_least_by_what_is_to_be_expected() -> None:
    pauses = NormalDist(log(PAUSE_MEDIAN), PAUSE_SPREAD)

    def longer(length: int) -> float:
        return (1 - pauses.cdf(log(length / 16))) / (1 - pauses.cdf(log(2 / 16)))

    for over, cost in itertools.product((0.0, 0.2, 0.5, 0.7, 0.9, 1.0), (0.0, 2.0, 5.0, 20.0)):
        rules = replace(ASKING, turn_silence=16, cut_off_cost=cost)
        expected = {
            length: over * length / 16 + (1 - over) * cost * longer(length) for length in range(4, 13)
        }
        chosen = rules.silence(over)
        assert chosen is not None
        assert expected[chosen] == pytest.approx(min(expected.values()))


def test_whoever_dreads_cut_offs_more_waits_longer_and_so_does_whoever_is_less_sure() -> None:
    rules = replace(ASKING, turn_silence=800, shortest_silence=100, longest_silence=1200)
    lengths = [
        [replace(rules, cut_off_cost=cost).silence(over) or 0 for over in (0.95, 0.8, 0.6, 0.4, 0.2)]
        for cost in (2.0, 5.0, 10.0)
    ]
    assert all(row == sorted(row) and row[0] < row[-1] for row in lengths)
    assert all(list(column) == sorted(column) for column in zip(*lengths, strict=True))


def test_sound_and_words_are_weighed_together() -> None:
    assert finished(None, None) is None
    assert finished(0.5, None) == finished(None, 0.0) == pytest.approx(0.5)
    by_sound, by_words = finished(0.99, None), finished(None, 4.0)
    assert by_sound is not None and by_words is not None
    assert 0.5 < by_sound < by_words, "words tell more than the sound"
    assert finished(0.99, 4.0) > by_words > finished(0.01, 4.0)  # type: ignore[operator]
    assert finished(1.0, None) == finished(0.99, None), "no sound is believed without end"


def test_what_is_known_later_leaves_what_was_known_before() -> None:
    def tell(it: Endpointer) -> None:
        it.judge(Span(0, 3), sound=0.99)
        it.judge(Span(0, 3), words=0.0)

    by_words = overs(play("###" + "." * 20, ASKING, {5: lambda it: it.judge(Span(0, 3), words=0.0)}))
    assert by_words == [TurnOver(3, 12)]
    by_both = overs(play("###" + "." * 20, ASKING, {5: tell}))
    assert by_both == overs(
        play("###" + "." * 20, ASKING, {5: lambda it: it.judge(Span(0, 3), sound=0.99, words=0.0)})
    )
    assert by_both[0].decided_at < by_words[0].decided_at


def test_without_a_shorter_silence_nothing_is_asked() -> None:
    changes = play("###" + "." * 20, RULES, {5: lambda it: it.judge(Span(0, 3), words=OVER)})
    assert overs(changes) == [TurnOver(3, 11)]


def test_open_patience_asks_neither_sound_nor_words() -> None:
    rules = EndpointRules(1, 2, None, 60, shortest_silence=4, longest_silence=12)
    assert overs(play("###" + "." * 50, rules, {5: lambda it: it.judge(Span(0, 3), words=OVER)})) == []


def test_an_answer_about_what_was_said_before_ends_nothing_now() -> None:
    #        ###...##............
    # told   .........^  that the turn was over after the first three
    changes = play("###...##" + "." * 20, ASKING, {10: lambda it: it.judge(Span(0, 3), words=OVER)})
    assert overs(changes) == [TurnOver(8, 16)]


def test_each_utterance_is_judged_for_itself() -> None:
    changes = play("###...##" + "." * 20, ASKING, {5: lambda it: it.judge(Span(0, 3), words=GOES_ON)})
    assert overs(changes) == [TurnOver(8, 16)]


def test_a_late_answer_still_shortens_the_silence() -> None:
    changes = play("###" + "." * 20, ASKING, {9: lambda it: it.judge(Span(0, 3), words=OVER)})
    assert overs(changes) == [TurnOver(3, 10)]


def test_trailing_words_are_added_to_what_is_said() -> None:
    def tell(it: Endpointer) -> None:
        it.judge(Span(0, 3), words=OVER)
        it.wait_longer(5)

    assert overs(play("###" + "." * 20, ASKING, {5: tell})) == [TurnOver(3, 12)]


def test_unknown_words_hold_a_short_silence_but_no_full_one() -> None:
    def tell(it: Endpointer) -> None:
        it.judge(Span(0, 3), words=OVER)
        it.hold(True)

    assert overs(play("###" + "." * 20, ASKING, {5: tell})) == [TurnOver(3, 11)]
    known = {5: tell, 9: lambda it: it.hold(False)}
    assert overs(play("###" + "." * 20, ASKING, known)) == [TurnOver(3, 10)]


def test_a_cough_after_a_turn_neither_dates_it_nor_waits_again() -> None:
    #        ####....#..........
    # told   ..........^    that the noise was no speech
    told = {12: lambda it: it.discard(Span(8, 9))}
    changes = play("####....#" + "." * 12, RULES, told)
    assert overs(changes) == [TurnOver(4, 13)]
    assert overs(play("####....#" + "." * 12, RULES, {})) == [TurnOver(9, 17)]


def test_after_a_cough_it_counts_again_what_was_told_before() -> None:
    told = {
        3: lambda it: it.judge(Span(0, 1), words=GOES_ON),
        8: lambda it: (it.judge(Span(5, 6), words=OVER), it.discard(Span(5, 6))),
    }
    assert overs(play("#....#" + "." * 20, ASKING, told)) == [TurnOver(1, 13)]


def test_a_slammed_door_in_a_kept_silence_begins_no_turn() -> None:
    changes = play("...#" + "." * 20, RULES, {6: lambda it: it.discard(Span(3, 4))})
    assert overs(changes) == []


def test_speech_right_after_a_cough_goes_on() -> None:
    changes = play("####...#..####" + "." * 12, RULES, {11: lambda it: it.discard(Span(7, 8))})
    assert overs(changes) == [TurnOver(14, 22)]
    assert [c.span for c in changes if isinstance(c, UtteranceEnded)] == [
        Span(0, 4),
        Span(7, 8),
        Span(10, 14),
    ]


def test_a_long_turn_is_warned_once_before_it_is_cut() -> None:
    rules = EndpointRules(1, 2, 8, 60, warn_before=10)
    changes = run("#" * 30 + "..." + "#" * 40, rules)
    warnings = [change for change in changes if isinstance(change, LimitNear)]
    assert warnings == [LimitNear(50, 60)]
    assert overs(changes) == [TurnOver(60, 60, cut=True)]
    assert not any(isinstance(c, LimitNear) for c in run("#" * 49 + "." * 20, rules))


def test_the_noise_floor_comes_to_lie_above_most_of_the_silence() -> None:
    floor = NoiseFloor()
    for at in range(4000):
        floor.learn((at * 37 % 100) / 200, 150)
    assert 0.42 < floor.level < 0.5


NOISY = EndpointRules(2, 2, 8, 600, noise_margin=0.25, noise_memory=50)


@pytest.mark.parametrize(
    "before", ["n" * 300, "." * 10], ids=["noise before", "noise begins with the speech"]
)
def test_in_a_noisy_room_noise_is_no_speech_and_speech_still_is(before: str) -> None:
    """`n` is 0.45, distant talk, say: between the two thresholds, so that it keeps an utterance open."""
    track = before + "##n##" + "n" * 200 + "##n##" + "n" * 30
    start, again = len(before), len(before) + 205

    def changes(rules: EndpointRules) -> list[Change]:
        endpointer, chance = Endpointer(rules), {"#": 0.95, "n": 0.45, ".": 0.02}
        return [
            change
            for at, mark in enumerate(track)
            for change in endpointer.feed(Span(at, at + 1), chance[mark])
        ]

    heard = changes(NOISY)
    assert [c.at for c in heard if isinstance(c, SpeechStarted)] == [start, again]
    assert overs(heard)[-1] == TurnOver(again + 5, again + 13)
    assert overs(changes(replace(NOISY, noise_margin=None))) == []


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
