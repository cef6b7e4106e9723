"""Who said what, when: order, exchanges, and to which line an utterance belongs."""

from __future__ import annotations

from drawing import TICK, draw

from simulator.audio.span import Span
from simulator.dialogue.turns import Conversation, Speaker, Utterance, exchanges


def test_utterances_stand_in_the_order_of_their_onsets() -> None:
    late = Utterance(Speaker.CLIENT, Span(50, 60), "late")
    early = Utterance(Speaker.TRAINEE, Span(10, 90), "early")
    assert Conversation(16_000, (late, early)).utterances == (early, late)


def test_what_overlaps_and_what_replies_belong_to_the_line_before() -> None:
    conversation = draw(
        """
        client    ..##########.............######
        trainee   #.....###.......####.........###.....###
        """,
        ["before", "during", "reply", "over", "after"],
    )
    first, second = exchanges(conversation)
    assert [u.text for u in first.during] == ["during"]
    assert [u.text for u in first.reply] == ["reply"]
    assert first.text == "during reply"
    assert [u.text for u in second.during] == ["over"]
    assert [u.text for u in second.reply] == ["after"]


def test_an_utterance_that_starts_with_the_clients_last_sample_gone_is_a_reply() -> None:
    (exchange,) = exchanges(draw("client    ####\ntrainee   ....####", ["now"]))
    assert exchange.during == ()
    assert exchange.reply[0].span == Span(4 * TICK, 8 * TICK)


def test_each_utterance_belongs_to_one_exchange() -> None:
    conversation = draw("client    ####..####..####\ntrainee   ..####..####..####", ["a", "b", "c"])
    told = [u for e in exchanges(conversation) for u in e.during + e.reply]
    assert told == list(conversation.of(Speaker.TRAINEE))


def test_no_line_no_exchange() -> None:
    assert exchanges(draw("trainee   ####", ["hello"])) == ()
