"""The generator of dialogues and the figures of the bench of turns: their truth has to be true."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from simulator.audio.room import Room
from simulator.audio.sound import Samples, Sound, level_db, write_wav
from simulator.audio.span import Span
from simulator.dialogue.endpoint import EndpointRules
from simulator.dialogue.turns import Speaker, SpokenLine, Utterance
from simulator.language import load_language

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

import dialogue_lines
from dialogues import EXCHANGES_IN_SESSION, Cast, Session, sessions
from listening_run import (
    KeepingEndpointer,
    Outcome,
    Run,
    endings,
    model_alone,
    rate_of,
    replay,
    silence_alone,
)
from recordings import RATE, cut_apart, held_vowel, recordings, speech_spans, tightened, trimmed
from turn_figures import articulation_errors, barge_ins, edge_errors, overlap_score, response_errors

ENGLISH = load_language("en")
CHOICES = ("interruption", "filled_silence", "terminal", "backchannel")


def tone(length_s: float, hz: float = 150.0) -> Samples:
    at_s = np.arange(round(length_s * RATE)) / RATE
    return np.asarray(0.2 * sum(np.sin(2 * np.pi * hz * n * at_s) / n for n in range(1, 6)), np.float32)


def hush(length_s: float, seed: int = 0) -> Samples:
    count = round(length_s * RATE)
    return (np.random.default_rng(seed).standard_normal(count) * 1e-4).astype(np.float32)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six recordings of tones, of 1.0 to 3.5 s, with silence around them."""
    folder = tmp_path_factory.mktemp("speech")
    rows = ["file\ttext\tsource"]
    for i in range(6):
        parts = [hush(0.3), tone(0.5 + 0.25 * i, 110 + 10 * i), hush(0.1), tone(0.5 + 0.25 * i), hush(0.4)]
        write_wav(folder / "abcdef"[i : i + 1].__add__("1.wav"), Sound(np.concatenate(parts), RATE))
        rows.append(f"{'abcdef'[i]}1.wav\tsome words that are said number {i}\tnobody")
    (folder / "manifest.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def report(data: Path) -> tuple[Session, ...]:
    return tuple(sessions("report", data, None, 7, 50, Cast("scripted")))


def test_speech_is_found_to_five_milliseconds() -> None:
    sound = np.concatenate([hush(0.5), tone(0.7), hush(0.6, 1), tone(0.3), hush(0.2, 2)])
    first, second = speech_spans(sound)
    for span, (start_s, end_s) in ((first, (0.5, 1.2)), (second, (1.8, 2.1))):
        assert abs(span.start / RATE - start_s) <= 0.0051
        assert abs(span.end / RATE - end_s) <= 0.0051


def test_a_short_silence_does_not_part_speech_and_a_click_is_none() -> None:
    click = np.concatenate([hush(0.4), tone(0.02), hush(0.4, 1)])
    sound = np.concatenate([click, tone(0.5), hush(0.1, 2), tone(0.5), hush(0.3, 3)])
    (only,) = speech_spans(sound)
    assert abs(only.start / RATE - 0.82) <= 0.0051
    assert len(trimmed(sound)) == len(only)


def test_rumble_after_a_word_is_no_speech() -> None:
    time = np.arange(RATE) / RATE
    rumble = (0.1 * np.sin(2 * np.pi * 30 * time)).astype(np.float32)
    (only,) = speech_spans(np.concatenate([hush(0.3), tone(0.6), rumble, hush(0.3, 1)]))
    assert abs(only.end / RATE - 0.9) <= 0.02


def test_a_recording_is_taken_apart_near_the_cut_where_it_is_quietest() -> None:
    sound = np.concatenate([tone(0.8), hush(0.03), tone(1.1)])
    pieces = cut_apart(sound, [round(0.85 * RATE)])
    assert [len(piece) / RATE for piece in pieces] == pytest.approx([0.8, 1.1], abs=0.011)


def test_a_recording_keeps_no_long_silence_of_its_own() -> None:
    sound = np.concatenate([tone(0.8), hush(0.5), tone(1.1)])
    assert len(tightened(sound)) / RATE == pytest.approx(0.8 + 1.1 + 0.16, abs=0.02)
    assert tightened(tone(0.5)) is not None and len(tightened(tone(0.5))) == RATE // 2


def test_places_for_pauses_are_told_by_what_they_part() -> None:
    words = ("I", "hear", "you,", "but", "it", "is", "late.", "Take", "care")
    assert dialogue_lines.places(words) == {"sentence": [7], "clause": [3, 4], "inside": [1, 2, 5, 6, 8]}


def test_a_vowel_is_held_at_its_pitch() -> None:
    noise = np.random.default_rng(3).uniform(-0.05, 0.05, RATE // 2).astype(np.float32)
    held = held_vowel(np.concatenate([noise, tone(0.3, 160), noise]), RATE // 2, np.random.default_rng(1))
    assert held is not None
    assert 0.35 <= len(held) / RATE <= 0.5
    middle = held[RATE // 10 : RATE // 10 + 4096] * np.hanning(4096)
    peak_hz = float(np.argmax(np.abs(np.fft.rfft(middle))) * RATE / 4096)
    assert min(abs(peak_hz / n - 157) for n in (1, 2, 3)) < 10


def test_noise_holds_no_vowel() -> None:
    noise = np.random.default_rng(3).uniform(-0.5, 0.5, RATE).astype(np.float32)
    assert held_vowel(noise, RATE // 2, np.random.default_rng(1)) is None


def test_the_same_arguments_give_the_same_samples(data: Path) -> None:
    one, two, other = (
        next(iter(sessions("report", data, None, seed, 10, Cast("scripted")))) for seed in (7, 7, 8)
    )

    def said(session: Session) -> list[tuple[int, bytes]]:
        return [(at, samples.tobytes()) for e in session.exchanges for at, samples in e.mouth]

    assert said(one) == said(two)
    assert (one.echo_db, one.echo_delay_s, one.seed) == (two.echo_db, two.echo_delay_s, two.seed)
    assert said(one) != said(other)


def test_the_halves_share_no_recording_and_no_line(data: Path) -> None:
    tune, told = ({one.text for one in recordings(data, half)} for half in ("tune", "report"))  # type: ignore[arg-type]
    assert tune and told and not tune & told
    for book in (dialogue_lines.CLIENT_LINES, dialogue_lines.INTERRUPTIONS):
        assert not set(book["tune"]) & set(book["report"])
    mine, others = dialogue_lines.turns("tune"), dialogue_lines.turns("report")
    assert min(len(mine), len(others)) > 400
    assert not set(mine) & set(others)


def test_every_kind_of_exchange_lies_where_its_name_says(report: tuple[Session, ...]) -> None:
    exchanges = [e for session in report for e in session.exchanges]
    assert len(exchanges) == 50
    assert {e.kind for e in exchanges} == {"reply", "kept_silence", "silent", *CHOICES}
    for e in exchanges:
        first = e.turn[0].start if e.turn else 0
        match e.kind:
            case "silent":
                assert not e.mouth
            case "reply":
                assert 0 < first - e.planned.end <= 1.4 * RATE
            case "kept_silence":
                assert 1.2 * RATE <= first - e.planned.end <= 3.8 * RATE
            case "terminal":
                assert 0 < e.planned.end - first < 0.2 * RATE
            case "filled_silence":
                assert any(first in pause for pause in e.pauses)
            case "interruption":
                assert e.planned.end - first >= 1.6 * RATE
                assert not any(first in pause for pause in e.pauses)
            case "backchannel":
                assert e.overlap is not None and e.overlap.end < e.planned.end < first
        assert e.until >= max([e.planned.end, *(span.end for span in e.speech)])


def test_the_truth_is_where_the_sound_is(report: tuple[Session, ...]) -> None:
    step, edge = RATE // 100, RATE // 200
    for session in report[:2]:
        for e in session.exchanges:
            end = max((at + len(samples) for at, samples in e.mouth), default=e.planned.start)
            track = np.zeros(end - e.planned.start + 2 * step, np.float32)
            for at, samples in e.mouth:
                track[at - e.planned.start :][: len(samples)] += samples
            for span in e.speech:
                at, to = span.start - e.planned.start, span.end - e.planned.start
                inside = (
                    level_db(track[at + edge : at + edge + step]),
                    level_db(track[to - edge - step : to - edge]),
                )
                assert level_db(track[max(0, at - edge - step) : at - edge]) < inside[0] - 12
                assert level_db(track[to + edge : to + edge + step]) < inside[1] - 12


def test_pauses_in_turns_are_as_in_conversation(data: Path) -> None:
    every = [e for s in sessions("tune", data, None, 1, 400, Cast("scripted")) for e in s.exchanges if e.turn]
    pauses_s = np.array([e.pause / RATE for e in every])
    for over_s, share in ((0.29, 0.56), (0.6, 0.22), (1.6, 0.05)):
        assert abs(float((pauses_s > over_s).mean()) - share) < 0.08
    assert pauses_s.max() < 2.6


def test_the_room_holds_the_noise_that_its_condition_says(report: tuple[Session, ...]) -> None:
    assert [session.condition for session in report[:4]] == ["clean", "20 dB", "10 dB", "5 dB"]
    assert report[0].noise is None
    for session in report[1:4]:
        assert session.noise is not None and session.snr_db is not None
        assert level_db(session.noise) == pytest.approx(-26 - session.snr_db, abs=0.1)
    assert all(len(session.exchanges) == EXCHANGES_IN_SESSION for session in report)


def test_a_room_repeats_its_recorded_noise() -> None:
    noise = np.linspace(-0.1, 0.1, 500).astype(np.float32)
    room = Room(noise_db=None, noise=noise)
    heard = np.concatenate([room.read().heard for _ in range(4)])
    np.testing.assert_array_equal(heard, np.resize(noise, len(heard)))


# ------------------------------------------------------------------------------------------ the figures


def outcome(session: Session, index: int, late: int = 0) -> Outcome:
    """An exchange as a perfect listener hears it, `late` samples late; the client yields after 0.6 s."""
    e = session.exchanges[index]
    yields = e.kind in ("interruption", "filled_silence") and e.overlap is not None
    yielded_at = e.overlap.start + round(0.6 * RATE) if yields and e.overlap is not None else None
    sounded = Span(e.planned.start, min(e.planned.end, yielded_at or e.planned.end))
    line = SpokenLine("line", e.planned, sounded, e.pauses)
    words = dict.fromkeys(e.turn, e.text) | ({e.overlap: "mm-hm"} if e.kind == "backchannel" else {})
    heard = tuple(
        Utterance(Speaker.TRAINEE, s.shift(late), text) for s, text in words.items() if s is not None
    )
    return Outcome(e, line, yielded_at, heard, sounded.end)


def heard_perfectly(report: tuple[Session, ...], late: int = 0) -> list[Run]:
    return [Run(s, tuple(outcome(s, i, late) for i in range(len(s.exchanges))), (), (), 0.0) for s in report]


def test_a_perfect_listener_has_perfect_figures(report: tuple[Session, ...]) -> None:
    runs = heard_perfectly(report)
    assert overlap_score(runs, ENGLISH).macro == 1.0
    found = barge_ins(runs)
    assert (found.false, found.missed) == (0, 0)
    assert found.real >= 10
    edges = edge_errors(runs)
    assert (set(edges.onsets_ms), set(edges.offsets_ms), edges.missed) == ({0.0}, {0.0}, 0)
    assert set(response_errors(runs, ENGLISH)) == {0.0}


def test_a_late_listener_is_told_by_how_much(report: tuple[Session, ...]) -> None:
    edges = edge_errors(heard_perfectly(report, late=RATE // 20))
    assert set(edges.onsets_ms) == {50.0} == set(edges.offsets_ms)
    assert set(response_errors(heard_perfectly(report, late=RATE // 50), ENGLISH)) == {20.0}


def test_a_deaf_listener_finds_nothing(report: tuple[Session, ...]) -> None:
    runs = [
        replace(run, outcomes=tuple(replace(o, heard=(), yielded_at=None) for o in run.outcomes))
        for run in heard_perfectly(report)
    ]
    assert overlap_score(runs, ENGLISH).macro == 0.0
    assert edge_errors(runs).missed == edge_errors(runs).of > 0
    assert barge_ins(runs).missed == barge_ins(runs).real


def test_a_yield_to_nobody_is_false(report: tuple[Session, ...]) -> None:
    runs = heard_perfectly(report)
    nervous = [
        replace(
            run, outcomes=tuple(replace(o, yielded_at=o.exchange.planned.start + 10) for o in run.outcomes)
        )
        for run in runs
    ]
    assert barge_ins(nervous).false == sum(len(run.outcomes) for run in runs)


def test_articulation_is_wrong_by_the_share_that_words_are_missing(report: tuple[Session, ...]) -> None:
    runs = heard_perfectly(report)
    halved = []
    for run in runs:
        outcomes = []
        for o in run.outcomes:
            turn = [u for u in o.heard if u.text != "mm-hm"]
            # All its words in its first stretch, none in the others.
            kept = [replace(u, text=o.exchange.text if i == 0 else "") for i, u in enumerate(turn)]
            outcomes.append(replace(o, heard=tuple(kept)))
        halved.append(replace(run, outcomes=tuple(outcomes)))
    errors = articulation_errors(halved, ENGLISH, None)
    assert errors
    assert max(errors) < 0.02


RULES = EndpointRules(
    onset=2, utterance_silence=2, turn_silence=6, longest_turn=1000, shortest_silence=3, cut_off_cost=1.5
)


def drawn(track: str, verdicts: dict[int, float]) -> Iterator[KeepingEndpointer]:
    endpointer = KeepingEndpointer(RULES)
    spans = []
    for at, letter in enumerate(track):
        for change in endpointer.feed(Span(at, at + 1), 1.0 if letter == "#" else 0.0):
            if type(change).__name__ == "UtteranceEnded":
                spans.append(change.span)  # type: ignore[union-attr]
                endpointer.judge(change.span, verdicts.get(len(spans) - 1))
    yield endpointer


def run_of(endpointer: KeepingEndpointer, session: Session) -> Run:
    return Run(session, (), tuple(endpointer.told), tuple(endpointer.ended), 0.0)


def test_what_was_told_gives_the_same_turns_again(report: tuple[Session, ...]) -> None:
    (endpointer,) = drawn("####.....####..........", {0: 0.1, 1: 0.95})
    run = run_of(endpointer, report[0])
    assert [(o.at, o.decided_at) for o in run.ended] == [(13, 16)]
    assert replay(run, RULES) == run.ended
    assert [o.decided_at for o in silence_alone(run, RULES, 4)] == [8, 17]
    assert [o.decided_at for o in silence_alone(run, RULES, 8)] == [21]


def test_the_model_alone_ends_a_turn_when_it_is_sure(report: tuple[Session, ...]) -> None:
    (endpointer,) = drawn("####.....####..........", {0: 0.1, 1: 0.95})
    run = run_of(endpointer, report[0])
    assert [(o.at, o.decided_at) for o in model_alone(run, RULES, 0.5)] == [(13, 15)]
    assert [(o.at, o.decided_at) for o in model_alone(run, RULES, 0.05)] == [(4, 6), (13, 15)]
    assert model_alone(run, RULES, 1.0) == ()


def test_a_turn_ended_in_its_pause_is_cut_off(report: tuple[Session, ...]) -> None:
    from simulator.dialogue.endpoint import TurnOver

    session = next(s for s in report if any(e.kind == "reply" and e.pause for e in s.exchanges))
    runs = heard_perfectly((session,))[0]
    one = next(o for o in runs.outcomes if o.exchange.kind == "reply" and o.exchange.pause)
    run = replace(runs, outcomes=(one,))
    end = one.exchange.turn[-1].end
    late = TurnOver(end, end + RATE)
    pause = next(a.end for a, b in pairwise(one.exchange.turn) if a.gap_to(b) > 0)
    early = TurnOver(pause, pause + 1)
    assert rate_of(endings(run, [late])) == (0.0, 1.0)
    assert rate_of(endings(run, [early, late]))[0] == 1.0
    before = TurnOver(one.exchange.turn[0].start - 1, one.exchange.turn[0].start)
    assert rate_of(endings(run, [before, late])) == (0.0, 1.0)
