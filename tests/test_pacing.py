"""Time between two voices, drawn."""

from __future__ import annotations

from dataclasses import replace

import pytest
from drawing import TICK, draw

from simulator.audio.span import Span
from simulator.dialogue.skills import Skill
from simulator.dialogue.turns import Conversation, Speaker, exchanges
from simulator.evaluation.findings import Finding, Measure
from simulator.evaluation.pacing import pacing_findings, pacing_measures, silences_within
from simulator.language import load_language

EN = load_language("en")
DEEP = ("deep", 3.0, "I have not told anyone about it yet")
SMALL = ("small", 1.0, "It is nice out here today")


def found(conversation: Conversation) -> list[Finding]:
    return [f for e in exchanges(conversation) for f in pacing_findings(e, conversation, EN)]


def measure(conversation: Conversation, name: str) -> Measure:
    (only,) = [m for m in pacing_measures(conversation, found(conversation), EN) if m.name == name]
    return only


@pytest.mark.parametrize(
    ("gap", "line", "skill"),
    [
        (2, DEEP, Skill.RUSHED_ANSWER),
        (3, DEEP, None),
        (9, DEEP, None),
        (10, DEEP, Skill.KEPT_SILENCE),
        (40, DEEP, Skill.KEPT_SILENCE),
        (41, DEEP, None),
        (2, SMALL, None),
        (15, SMALL, None),
    ],
)
def test_silence_after_a_line(gap: int, line: tuple[str, float, str], skill: Skill | None) -> None:
    conversation = draw(f"client    ##########\ntrainee   ..........{'.' * gap}#####", ["so you did"], [line])
    assert [f.skill for f in found(conversation)] == ([skill] if skill else [])
    assert measure(conversation, "response_offset_s").value == pytest.approx(gap / 10)


def test_a_kept_silence_lies_where_nobody_spoke_and_quotes_what_followed() -> None:
    conversation = draw(
        "client    ##########\ntrainee   .........................#####", ["so you did"], [DEEP]
    )
    (finding,) = found(conversation)
    assert finding.evidence == (Span(10 * TICK, 25 * TICK),)
    assert finding.quote == "so you did"


def test_a_quick_sound_of_listening_is_not_a_rushed_answer() -> None:
    conversation = draw("client    ##########\ntrainee   ...........##", ["mm"], [DEEP])
    assert found(conversation) == []


def test_the_clients_sounded_end_counts_not_the_planned_one() -> None:
    conversation = draw("client    ##########-----\ntrainee   ..............#####", ["so you did"], [SMALL])
    assert measure(conversation, "response_offset_s").value == pytest.approx(0.4)


def test_offsets_are_a_median_and_say_on_how_many_they_rest() -> None:
    conversation = draw(
        """
        client    #####.............#####.............#####
        trainee   .......####...........####...................####
        """,
        ["so you did", "and you went", "and you came"],
        [SMALL, DEEP, SMALL],
    )
    offsets = measure(conversation, "response_offset_s")
    assert (offsets.value, offsets.n) == (pytest.approx(0.2), 3)
    after = measure(conversation, "response_offset_after_disclosure_s")
    assert (after.value, after.n) == (pytest.approx(-0.1), 1)


def test_lost_sound_leaves_a_gap_out_and_says_so() -> None:
    conversation = draw(
        "client    ##########\ntrainee   .............#####",
        ["so you did"],
        [DEEP],
        dropouts=[Span(11 * TICK, 11 * TICK + 10)],
    )
    offsets = measure(conversation, "response_offset_s")
    assert (offsets.value, offsets.n) == (None, 0)
    assert offsets.why is not None and "lost" in offsets.why


def test_a_rate_is_not_told_from_little() -> None:
    five = draw(f"client    ####\ntrainee   ......{'#' * 30}", ["so you did go there"])
    short = draw(f"client    ####\ntrainee   ......{'#' * 19}", ["so you did go there at last"])
    for conversation in (five, short):
        rate = measure(conversation, "articulation_rate_sps")
        assert rate.value is None
        assert rate.why is not None and "fewer than" in rate.why


def test_speech_rate_holds_pauses_and_articulation_rate_does_not() -> None:
    conversation = draw(
        "client    ####\ntrainee   ......##########.....##########",
        ["so you did go", "there at last"],
    )
    assert measure(conversation, "articulation_rate_sps").value == pytest.approx(7 / 2.0)
    assert measure(conversation, "speech_rate_sps").value == pytest.approx(7 / 2.5)
    assert measure(conversation, "speech_rate_wpm").value == pytest.approx(60 * 7 / 2.5)
    assert measure(conversation, "pause_share").value == pytest.approx(0.2)
    assert measure(conversation, "pauses").value == 1


def test_sound_before_the_first_word_slows_no_rate() -> None:
    conversation = draw(
        "client    ####\ntrainee   ......####..##########.....##########",
        ["", "so you did go", "there at last"],
    )
    assert measure(conversation, "articulation_rate_sps").value == pytest.approx(7 / 2.0)
    assert measure(conversation, "speech_rate_sps").value == pytest.approx(7 / 2.5)


@pytest.mark.parametrize(("ticks", "pauses"), [(2, 0), (3, 1)])
def test_a_pause_is_a_quarter_of_a_second(ticks: int, pauses: int) -> None:
    conversation = draw(f"client    ####\ntrainee   ......####{'.' * ticks}####", ["so you", "did it"])
    assert len(silences_within(exchanges(conversation)[0].reply, conversation.rate)) == pauses


def test_fast_speech_is_fast_beside_the_client_or_above_the_ceiling() -> None:
    slow = ("slow", 1.0, "I do not know what to say to her now")
    words = "so you did go there at last and told her"
    calm = draw(f"client    {'#' * 50}\ntrainee   {'.' * 55}{'#' * 50}", [words], [slow])
    quick = draw(f"client    {'#' * 50}\ntrainee   {'.' * 55}{'#' * 21}", [words], [slow])
    assert Skill.FAST_SPEECH not in {f.skill for f in found(calm)}
    assert Skill.FAST_SPEECH in {f.skill for f in found(quick)}


def test_a_long_turn_is_a_monologue() -> None:
    conversation = draw(f"client    ####\ntrainee   ......{'#' * 300}", ["so " * 40], [SMALL])
    assert Skill.LONG_MONOLOGUE in {f.skill for f in found(conversation)}
    assert measure(conversation, "longest_monologue_s").value == pytest.approx(30.0)


def test_shares_and_words() -> None:
    conversation = draw(
        "client    ##########.............##########\ntrainee   ............#####................#####",
        ["so you did", "um and you went on"],
    )
    assert measure(conversation, "talk_share").value == pytest.approx(1 / 3, abs=1e-3)
    assert measure(conversation, "words_per_reply").value == 4
    filled = measure(conversation, "filled_pauses")
    assert filled.value == 1
    assert filled.why is not None and "drop" in filled.why


def test_filled_pauses_are_those_of_the_sound_where_it_was_looked_at() -> None:
    drawn = draw("client    ####\ntrainee   ......##############################", ["so um you went on"])
    heard = tuple(
        replace(u, fillers=(u.span,) * 2, hum=False) if u.speaker is Speaker.TRAINEE else u
        for u in drawn.utterances
    )
    conversation = replace(drawn, utterances=heard)
    assert measure(conversation, "filled_pauses").value == 2
    assert measure(conversation, "filled_pauses_per_min").value == 40
    assert "sound" in (measure(conversation, "filled_pauses").why or "")
    assert measure(drawn, "filled_pauses_per_min").value == 20
    assert measure(draw("client    ####\ntrainee   ......##", ["um"]), "filled_pauses_per_min").value is None


def test_lapses() -> None:
    conversation = draw(f"client    ####{'.' * 80}####\ntrainee   {'.' * 175}####", ["so you did"])
    assert measure(conversation, "lapses").value == 2
    assert measure(draw(f"client    ####{'.' * 79}####"), "lapses").value == 0
