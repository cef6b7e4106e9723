"""Overlaps drawn by hand, each with the class that a careful listener would give it.

The listener knows the words, the sound and the client's written pauses, and decides by what the speech does
to the client: it encourages, it takes the floor, it fills a silence that was meant, it comes as the line
ends, or it does nothing that anyone would name.

Client: `#` sounds, `p` a written pause, `-` planned, not sounded.
"""

from __future__ import annotations

from collections import Counter

import pytest
from drawing import RATE, draw

from simulator.dialogue.floor import OverlapKind, classify_overlap
from simulator.dialogue.turns import Speaker
from simulator.language import load_language

EN = load_language("en")

KINDS = {
    "terminal": OverlapKind.TERMINAL,
    "backchannel": OverlapKind.BACKCHANNEL,
    "interruption": OverlapKind.INTERRUPTION,
    "filled": OverlapKind.FILLED_SILENCE,
    "other": OverlapKind.OTHER,
    "none": None,
}

LONG = "##############################"
PAUSE = "##########pppppppppp##########"
YIELD = "##############----------------"

DRAWN = [
    # As the line ends
    ("terminal", LONG, ".............................##########", "it sounds hard"),
    ("terminal", LONG, ".............................####", "yeah"),
    ("terminal", LONG, ".............................##", ""),
    ("terminal", LONG, ".............................####################", "what was that like for you"),
    ("terminal", "#####", "....########", "how so"),
    ("terminal", PAUSE, ".............................########", "so you stayed"),
    ("terminal", "##########", ".........#####", "wait what"),
    ("other", LONG, "............................##########", "it sounds hard"),
    ("other", LONG, "...........................##########", "it sounds hard"),
    ("none", LONG, "..............................##########", "it sounds hard"),
    ("none", LONG, "..................................##########", "it sounds hard"),
    # Encouragement
    ("backchannel", LONG, "..........###", "mm-hm"),
    ("backchannel", LONG, "..........#####", "yeah"),
    ("backchannel", LONG, "..........##", "mm"),
    ("backchannel", LONG, "..........#######", "oh wow"),
    ("backchannel", LONG, "..........######", "I see"),
    ("backchannel", LONG, "..........#########", "yeah okay"),
    ("backchannel", LONG, "..........########", "Oh, really?"),
    ("backchannel", LONG, "..........############", "yeah yeah yeah"),
    ("backchannel", LONG, ".....##############", "mm-hm mm-hm yeah"),
    ("backchannel", LONG, "..........############", "oh no that's hard"),
    ("backchannel", LONG, "..........###########", "I hear you of course"),
    ("backchannel", LONG, "....................####", "right"),
    ("backchannel", LONG, ".####", "mm-hm"),
    ("backchannel", LONG, ".........................###", "sure"),
    ("backchannel", PAUSE, "............####", "mm"),
    ("backchannel", PAUSE, "...........######", "uh-huh"),
    ("backchannel", PAUSE, "................########", "oh dear"),
    ("backchannel", PAUSE, ".........####", "mm-hm"),
    ("backchannel", YIELD, "......####", "mm-hm"),
    ("backchannel", LONG, "..........####", "Mouth."),
    ("backchannel", LONG, "..........####", "race race"),
    ("backchannel", LONG, "..........######", "Soar,"),
    # Taking the floor, or trying to
    ("interruption", LONG, "..........##########", "have you tried talking to her"),
    ("interruption", LONG, "..........######", "wait listen"),
    ("interruption", LONG, "..........#####", "hold on"),
    ("interruption", LONG, "..........########", "lonely"),
    ("interruption", LONG, "..........######", "Nonsense!"),
    ("interruption", LONG, "..........####################", "but you said that he was there"),
    ("interruption", LONG, "..........#############################", "you know what I would do"),
    ("interruption", LONG, "..........########", "yeah but listen"),
    ("interruption", LONG, "..........############", "mm-hm and what did she say"),
    ("interruption", LONG, "..........######", "sorry what"),
    ("interruption", LONG, "..........########", "right so anyway"),
    ("interruption", LONG, "....................######", "so why did you"),
    ("interruption", LONG, "..........###########################", "oh"),
    ("interruption", LONG, "..........############", ""),
    ("interruption", LONG, ".#############", "so I was going to say"),
    ("interruption", YIELD, ".........########", "but what about him"),
    ("interruption", YIELD, "............####################", "let me tell you something"),
    ("interruption", PAUSE, "...########", "at least you have him"),
    ("interruption", PAUSE, "......................######", "you should rest"),
    ("interruption", "##########", ".....######", "no no no you"),
    # Into a silence that was meant
    ("filled", PAUSE, "............##########", "so what did you do"),
    ("filled", PAUSE, "..........######", "and then what"),
    ("filled", PAUSE, "...............######", "you left him"),
    ("filled", PAUSE, "...............######################", "I know how that is I had it too"),
    ("filled", PAUSE, "...................######", "what happened"),
    ("filled", PAUSE, ".........##########", "so what did you do"),
    ("filled", "##########pppppppppp----------", "............########", "so you left"),
    ("filled", "#####ppppp#####ppppp#####", "................######", "it must be hard"),
    # Nothing that anyone would name
    ("other", PAUSE, "............####", "No, no."),
    ("other", PAUSE, "............####", "Mama."),
    ("other", PAUSE, "............##", ""),
    ("other", PAUSE, "............####", ""),
    ("other", LONG, "..........##", "but"),
    ("other", LONG, "..........####", "Wait."),
    ("other", LONG, "..........####", "lonely I"),
    ("other", LONG, "..........####", ""),
    ("other", LONG, "..........########", ""),
    ("other", LONG, ".######", "hey so you"),
    ("other", LONG, ".########", ""),
    ("other", LONG, "##", "so"),
    ("other", "#####", "...######", "how so"),
    # No overlap at all
    ("none", "....##########", "..########", "so you did"),
    ("none", YIELD, "...............########", "but what about him"),
    ("none", YIELD, "..............########", "but what about him"),
]


@pytest.mark.parametrize(("kind", "client", "trainee", "said"), DRAWN)
def test_a_careful_listener_agrees(kind: str, client: str, trainee: str, said: str) -> None:
    drawn = f"client    {client}\ntrainee   {trainee}"
    conversation = draw(drawn, [said])
    (utterance,) = conversation.of(Speaker.TRAINEE)
    found = classify_overlap(utterance, conversation.lines[0], RATE, EN)
    assert found is KINDS[kind], f"\n{drawn}   {said!r}"


def test_every_class_is_drawn_often_enough() -> None:
    count = Counter(kind for kind, *_ in DRAWN)
    assert len(DRAWN) >= 60
    assert set(count) == set(KINDS)
    assert min(count.values()) >= 5
    assert len(set(DRAWN)) == len(DRAWN)
