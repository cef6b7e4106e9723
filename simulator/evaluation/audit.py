"""What the program itself did to the trainee: how often it cut them off, and how long it made them wait.

    client    ######.........######        waited: from the trainee's last sample to the client's first
    trainee   .......######.....####       cut off: within a second of the answer they go on

A program that teaches not to cut people off has to count its own.
"""

from __future__ import annotations

from itertools import pairwise
from statistics import fmean

from simulator.audio.span import Span, to_seconds
from simulator.dialogue.floor import response, resumptions
from simulator.dialogue.turns import Conversation, exchanges
from simulator.evaluation.findings import Measure
from simulator.evaluation.interruptions import NOT_HEARD
from simulator.language import Language


def waits(conversation: Conversation, language: Language) -> tuple[Span, ...]:
    """From the trainee's last sample to the client's answer, for each turn that was answered.

    Not where the client began while the trainee spoke (that is a cut, no wait), nor where samples were lost.
    """
    found = []
    for before, after in pairwise(exchanges(conversation)):
        if response(before, conversation.rate, language) is None:
            continue
        last = max(utterance.span.end for utterance in before.during + before.reply)
        start = after.line.sounded.start
        if start >= last and not any(Span(last, start) & lost for lost in conversation.dropouts):
            found.append(Span(last, start))
    return tuple(found)


def cuts(conversation: Conversation, language: Language) -> tuple[Span, ...]:
    """The trainee's speech that the client's answers cut off, by the rule of `dialogue.floor.resumed`."""
    return tuple(one.span for one in resumptions(conversation, language) if one is not None)


def audit_measures(conversation: Conversation, language: Language) -> tuple[Measure, ...]:
    """`cut_off_by_program`, and `wait_s` (mean) with `longest_wait_s`."""
    waited = [to_seconds(len(span), conversation.rate) for span in waits(conversation, language)]
    answered = sum(
        response(before, conversation.rate, language) is not None
        for before, _ in pairwise(exchanges(conversation))
    )
    if conversation.duplex:
        count = len(cuts(conversation, language))
        cut = Measure("cut_off_by_program", count, "count", answered)
    else:
        cut = Measure("cut_off_by_program", None, "count", 0, NOT_HEARD)
    if not waited:
        none = "the client answered no turn"
        return (cut, Measure("wait_s", None, "s", 0, none), Measure("longest_wait_s", None, "s", 0, none))
    n = len(waited)
    return (
        cut,
        Measure("wait_s", round(fmean(waited), 3), "s", n),
        Measure("longest_wait_s", round(max(waited), 3), "s", n),
    )
