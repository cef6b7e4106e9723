"""How a conversation is paced: response gaps, kept silences, pauses, rates of speech, shares of the talk.

Every offset runs from the client's last audible sample to the trainee's first voiced one; the program's own
delays are never in it. A typical gap in conversation is about 0.2 s (Stivers et al. 2009; Levinson and
Torreira 2015). The values below are conventions, not science.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import dropwhile, pairwise
from statistics import median

from simulator.audio.span import Span, to_samples, to_seconds
from simulator.dialogue.floor import (
    KEPT_SILENCE_S,
    LAPSE_S,
    PAUSE_S,
    RUSHED_S,
    encourages,
    response,
)
from simulator.dialogue.scenario import DISCLOSURE_LEVEL
from simulator.dialogue.skills import Skill
from simulator.dialogue.turns import Conversation, Exchange, Speaker, Utterance, exchanges
from simulator.evaluation.acceleration import acceleration
from simulator.evaluation.findings import Finding, Measure, Verdict
from simulator.evaluation.wording import load_phrases
from simulator.language import Language, tokens
from simulator.language.syllables import syllables

LEAST_WORDS, LEAST_SPEECH_S = 6, 2.0
"""A rate is not told from less (convention)."""

CEILING_WPM = 180.0
"""Faster than this is fast beside any client (convention)."""

FASTER_THAN_CLIENT = 1.35
"""A speech rate this many times the client's is fast beside this client (convention).

Both with the short silences between sentences: those are not told apart in the client's utterances, whose
times are known by line and not by word.
"""

HEARD_AGAIN_S = 0.35
"""In half duplex the microphone opens a moment after the client: speech found so soon may be older."""

LONG_MONOLOGUE_S = 30.0
"""One turn that lasts longer leaves the client out (convention)."""


@dataclass(frozen=True, slots=True)
class Amount:
    """How much was said: words, syllables, seconds voiced, and seconds from first to last with pauses."""

    words: int
    syllables: int
    voiced_s: float
    lasting_s: float

    @property
    def enough(self) -> bool:
        """Whether a rate can be told from it."""
        return self.words >= LEAST_WORDS and self.voiced_s >= LEAST_SPEECH_S


def touches(span: Span, dropouts: Iterable[Span]) -> bool:
    """Whether samples were lost inside `span`."""
    return any(span & dropout for dropout in dropouts)


def silences_within(utterances: Sequence[Utterance], rate: int) -> tuple[Span, ...]:
    """The pauses inside one turn: silences of at least `PAUSE_S` between its utterances or its words."""
    spans: list[Span] = []
    for utterance in utterances:
        edges = [word.span for word in utterance.words] or [utterance.span]
        spans += [span & utterance.span for span in edges]
    found = []
    for earlier, later in pairwise(spans):
        if earlier.gap_to(later) >= to_samples(PAUSE_S, rate):
            found.append(Span(earlier.end, later.start))
    return tuple(found)


def amount(turns: Iterable[Sequence[Utterance]], rate: int, language: Language) -> Amount:
    """How much the turns hold together.

    A turn is told from its first utterance with a word on: what comes before is a chair or a breath. Later
    ones without a word count, as the recogniser may have put their words into the one before.
    """
    words: list[str] = []
    voiced = lasting = 0
    for whole_turn in turns:
        turn = tuple(dropwhile(lambda utterance: not tokens(utterance.text), whole_turn))
        if not turn:
            continue
        for utterance in turn:
            words += tokens(utterance.text)
        whole = max(u.span.end for u in turn) - min(u.span.start for u in turn)
        lasting += whole
        voiced += whole - sum(len(pause) for pause in silences_within(turn, rate))
    spoken = sum(syllables(word, language) for word in words)
    return Amount(len(words), spoken, to_seconds(voiced, rate), to_seconds(lasting, rate))


def turn_of(exchange: Exchange, rate: int, language: Language) -> tuple[Utterance, ...]:
    """What the trainee said from taking the floor on, without the backchannels before it."""
    first = response(exchange, rate, language)
    if first is None:
        return ()
    return tuple(u for u in exchange.during + exchange.reply if u.span.start >= first.span.start)


def client_amount(conversation: Conversation, language: Language) -> Amount:
    """How much the client said; each utterance is a turn of its own, so that written pauses stay out."""
    return amount(((u,) for u in conversation.of(Speaker.CLIENT)), conversation.rate, language)


def _offset(exchange: Exchange, conversation: Conversation, language: Language) -> float | None:
    """Seconds from the client's end to the response; `None` without one, where samples were lost, or
    where the microphone was not listened to as it began."""
    first = response(exchange, conversation.rate, language)
    if first is None:
        return None
    end = exchange.line.sounded.end
    between = Span(min(end, first.span.start), max(end, first.span.start) + 1)
    if touches(between, conversation.dropouts):
        return None
    if not conversation.duplex and first.span.start - end < to_samples(HEARD_AGAIN_S, conversation.rate):
        return None
    return to_seconds(first.span.start - end, conversation.rate)


def pacing_findings(
    exchange: Exchange, conversation: Conversation, language: Language
) -> tuple[Finding, ...]:
    """Kept silences, rushed answers, long monologues and fast speech in one exchange.

    `conversation` gives the clock, the dropouts and the client's own rate, up to this exchange.
    """
    rate, line = conversation.rate, exchange.line
    turn = turn_of(exchange, rate, language)
    if not turn:
        return ()
    found = []
    first = turn[0]
    offset_s = _offset(exchange, conversation, language)
    nothing_said = encourages(first, rate, language)
    if offset_s is not None and line.disclosure >= DISCLOSURE_LEVEL:
        if KEPT_SILENCE_S[0] <= offset_s <= KEPT_SILENCE_S[1]:
            silence = Span(line.sounded.end, first.span.start)
            found.append(_timing(Skill.KEPT_SILENCE, silence, first.text, line.line, language, offset_s))
        elif offset_s < RUSHED_S and not nothing_said and first in exchange.reply:
            found.append(_timing(Skill.RUSHED_ANSWER, first.span, first.text, line.line, language))
    whole = Span(first.span.start, max(u.span.end for u in turn))
    if touches(whole, conversation.dropouts):
        return tuple(found)
    text = " ".join(u.text for u in turn)
    spans = tuple(u.span for u in turn)
    if len(whole) >= to_samples(LONG_MONOLOGUE_S, rate):
        found.append(_timing(Skill.LONG_MONOLOGUE, spans, text, line.line, language))
    said = amount((turn,), rate, language)
    if said.enough and _fast(said, client_amount(conversation, language)):
        found.append(_timing(Skill.FAST_SPEECH, spans, text, line.line, language))
    return tuple(found)


def _fast(said: Amount, client: Amount) -> bool:
    if 60 * said.words / said.lasting_s > CEILING_WPM:
        return True
    if not client.enough:
        return False
    return said.syllables / said.lasting_s > FASTER_THAN_CLIENT * client.syllables / client.lasting_s


def _timing(
    skill: Skill,
    where: Span | tuple[Span, ...],
    quote: str,
    line: str,
    language: Language,
    lasted_s: float = 0.0,
) -> Finding:
    spans = (where,) if isinstance(where, Span) else where
    verdict = Verdict.STRENGTH if skill is Skill.KEPT_SILENCE else Verdict.TRY
    shown = load_phrases(language.name).shown[skill]
    reason = shown.reason.format(seconds=f"{lasted_s:.1f}")
    return Finding(skill, verdict, spans, quote, shown.id, reason, line=line)


def pacing_measures(
    conversation: Conversation, findings: Sequence[Finding], language: Language
) -> tuple[Measure, ...]:
    """The figures of pace, each with the number of moments it rests on; silences as `findings` has them."""
    told = exchanges(conversation)
    turns = [turn for turn in (turn_of(e, conversation.rate, language) for e in told) if turn]
    return (
        *_offset_measures(conversation, told, findings, language),
        *_rate_measures(conversation, turns, language),
        *_share_measures(conversation, turns, language),
        *_filled_pauses(turns, conversation.rate, language),
    )


def _offset_measures(
    conversation: Conversation, told: Sequence[Exchange], findings: Sequence[Finding], language: Language
) -> tuple[Measure, ...]:
    pairs = [(e, _offset(e, conversation, language)) for e in told]
    offsets = [offset for _, offset in pairs if offset is not None]
    after = [offset for e, offset in pairs if offset is not None and e.line.disclosure >= DISCLOSURE_LEVEL]
    lost = sum(1 for e, o in pairs if o is None and response(e, conversation.rate, language) is not None)
    why = f"{lost} left out where sound was lost or not listened to" if lost else None
    rushed = Measure("rushed_answers", None, "count", 0, "not measured: such answers begin unheard")
    skills = [finding.skill for finding in findings]
    return (
        _median("response_offset_s", offsets, "the trainee answered no line", why),
        _median("response_offset_after_disclosure_s", after, "no disclosure was answered", why),
        Measure("kept_silences", skills.count(Skill.KEPT_SILENCE), "count", len(after), why),
        Measure("rushed_answers", skills.count(Skill.RUSHED_ANSWER), "count", len(after), why)
        if conversation.duplex
        else rushed,
        Measure("lapses", _lapses(conversation, told, language), "count", len(told)),
    )


def _lapses(conversation: Conversation, told: Sequence[Exchange], language: Language) -> int:
    """Gaps after a client line, answered or not, of `LAPSE_S` or longer."""
    count = 0
    for index, exchange in enumerate(told):
        first = response(exchange, conversation.rate, language)
        later = told[index + 1].line.sounded.start if index + 1 < len(told) else None
        until = first.span.start if first is not None else later
        if until is not None and until - exchange.line.sounded.end >= to_samples(LAPSE_S, conversation.rate):
            count += 1
    return count


def _median(name: str, values: Sequence[float], absent: str, why: str | None) -> Measure:
    if not values:
        return Measure(name, None, "s", 0, why or absent)
    return Measure(name, round(median(values), 3), "s", len(values), why)


def _rate_measures(
    conversation: Conversation, turns: Sequence[Sequence[Utterance]], language: Language
) -> tuple[Measure, ...]:
    rate = conversation.rate
    whole = [turn for turn in turns if not any(touches(u.span, conversation.dropouts) for u in turn)]
    said, client = amount(whole, rate, language), client_amount(conversation, language)
    lost = len(turns) - len(whole)
    why = f"{lost} left out where sound was lost" if lost else None
    few = f"fewer than {LEAST_WORDS} words or {LEAST_SPEECH_S:g} s of speech"

    def told(name: str, unit: str, top: float, bottom: float, of: Amount, n: int) -> Measure:
        if not of.enough:
            return Measure(name, None, unit, n, few)
        return Measure(name, round(top / bottom, 3), unit, n, why)

    paces = (
        told("articulation_rate_sps", "syllables/s", said.syllables, said.voiced_s, said, said.words),
        told("speech_rate_sps", "syllables/s", said.syllables, said.lasting_s, said, said.words),
        told("speech_rate_wpm", "words/min", 60 * said.words, said.lasting_s, said, said.words),
        told(
            "client_speech_rate_sps",
            "syllables/s",
            client.syllables,
            client.lasting_s,
            client,
            client.words,
        ),
        told("pause_share", "share", said.lasting_s - said.voiced_s, said.lasting_s, said, len(whole)),
    )
    own, other = paces[1].value, paces[3].value
    if own is None or not other:
        relative = Measure("relative_pace", None, "ratio", said.words, few)
    else:
        relative = Measure("relative_pace", round(own / other, 3), "ratio", said.words, why)
    pauses = sum(len(silences_within(turn, rate)) for turn in whole)
    faster = acceleration(whole, rate, language)
    return (*paces, relative, faster, Measure("pauses", pauses, "count", len(whole), why))


def _share_measures(
    conversation: Conversation, turns: Sequence[Sequence[Utterance]], language: Language
) -> tuple[Measure, ...]:
    own = sum(len(u.span) for u in conversation.of(Speaker.TRAINEE))
    both = own + sum(len(u.span) for u in conversation.of(Speaker.CLIENT))
    n = len(conversation.utterances)
    lasting = [max(u.span.end for u in turn) - turn[0].span.start for turn in turns]
    words = [sum(len(tokens(u.text)) for u in turn) for turn in turns]
    none = "the trainee took no turn"
    longest = round(to_seconds(max(lasting), conversation.rate), 3) if lasting else None
    share = round(own / both, 3) if both else None
    middle = median(words) if words else None
    return (
        Measure("talk_share", share, "share", n, None if both else "nobody spoke"),
        Measure("longest_monologue_s", longest, "s", len(lasting), None if lasting else none),
        Measure("words_per_reply", middle, "words", len(words), None if words else none),
    )


def _filled_pauses(
    turns: Sequence[Sequence[Utterance]], rate: int, language: Language
) -> tuple[Measure, ...]:
    """How many in the trainee's turns, and how many a minute of them, pauses included.

    Counted by sound and words where the sound was looked at, else by words alone.
    """
    count = words = unheard = 0
    for utterance in (utterance for turn in turns for utterance in turn):
        said = tokens(utterance.text)
        words += len(said)
        if utterance.fillers is None:
            unheard += 1
            count += sum(word in language.fillers for word in said)
        else:
            count += len(utterance.fillers)
    why = "heard in the sound: steady voices set off by silence; those that run into a word are not counted"
    if unheard:
        why = "counted in the recognised words alone; recognisers drop most of them"
    lasting_s = sum(
        to_seconds(max(u.span.end for u in turn) - turn[0].span.start, rate) for turn in turns if turn
    )
    if lasting_s < LEAST_SPEECH_S:
        few = f"fewer than {LEAST_SPEECH_S:g} s of speech"
        per_minute = Measure("filled_pauses_per_min", None, "1/min", words, few)
    else:
        per_minute = Measure("filled_pauses_per_min", round(60 * count / lasting_s, 2), "1/min", words, why)
    return Measure("filled_pauses", count, "count", words, why), per_minute
