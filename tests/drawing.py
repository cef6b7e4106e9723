"""Conversations drawn in text: two tracks at 10 Hz, one character a tenth of a second.

    client    ####pp##--        # sounds, p a written pause, - planned but not sounded, . silence
    trainee   ......#####

Each run of the client's `#`, `p` and `-` is one line, each run of the trainee's `#` one utterance. What they
say is given beside, in order: `lines` as (line id, disclosure, text), `said` as texts. A text's words share
out their utterance evenly, to the sample.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from simulator.audio.span import Span, Word
from simulator.dialogue.turns import Conversation, Speaker, SpokenLine, Utterance

TICK = 1600
"""Samples in a character: a tenth of a second at 16 kHz. Drawn at 10 Hz, measured at 16 kHz."""

RATE = 16_000


def words(text: str, span: Span) -> tuple[Word, ...]:
    """The words of `text`, evenly over `span`."""
    parts = text.split()
    edges = [span.start + len(span) * i // max(1, len(parts)) for i in range(len(parts) + 1)]
    return tuple(Word(part, Span(edges[i], edges[i + 1])) for i, part in enumerate(parts))


def _runs(track: str, of: str) -> list[Span]:
    return [Span(m.start() * TICK, m.end() * TICK) for m in re.finditer(rf"[{of}]+", track)]


def _line(track: str, whole: Span, name: str, disclosure: float) -> SpokenLine:
    cut = track[whole.start // TICK : whole.end // TICK]
    sounded = Span(whole.start, whole.start + len(cut.rstrip("-")) * TICK)
    pauses = tuple(span.shift(whole.start) for span in _runs(cut, "p"))
    return SpokenLine(name, whole, sounded, pauses, disclosure)


def draw(
    tracks: str,
    said: Sequence[str] = (),
    lines: Sequence[tuple[str, float, str]] = (),
    dropouts: Sequence[Span] = (),
    word_times: bool = True,
) -> Conversation:
    """The conversation that `tracks` draws. Texts not given are empty, lines not given are "line-N"."""
    found = dict(re.findall(r"^\s*(client|trainee)\s+([#p.\-]+)\s*$", tracks, re.MULTILINE))
    client, trainee = found.get("client", ""), found.get("trainee", "")
    spoken, utterances = [], []
    for index, whole in enumerate(_runs(client, "#p\\-")):
        name, disclosure, text = lines[index] if index < len(lines) else (f"line-{index}", 1.0, "Well.")
        line = _line(client, whole, name, disclosure)
        spoken.append(line)
        parts = [s for s in _runs(client, "#") if s in whole]
        shares = [text.split()[i :: len(parts)] for i in range(len(parts))]
        for part, share in zip(parts, shares, strict=True):
            complete = line.sounded == line.planned
            utterances.append(Utterance(Speaker.CLIENT, part, " ".join(share), complete=complete, line=name))
    for index, span in enumerate(_runs(trainee, "#")):
        text = said[index] if index < len(said) else ""
        utterances.append(Utterance(Speaker.TRAINEE, span, text, words(text, span) if word_times else ()))
    return Conversation(RATE, tuple(utterances), tuple(spoken), tuple(dropouts))


def shifted(conversation: Conversation, by: int) -> Conversation:
    """The same conversation, `by` samples later."""
    return Conversation(
        conversation.rate,
        tuple(
            Utterance(
                u.speaker,
                u.span.shift(by),
                u.text,
                tuple(Word(w.text, w.span.shift(by), w.confidence) for w in u.words),
                u.complete,
                u.line,
            )
            for u in conversation.utterances
        ),
        tuple(
            SpokenLine(
                line.line,
                line.planned.shift(by),
                line.sounded.shift(by),
                tuple(p.shift(by) for p in line.pauses),
                line.disclosure,
            )
            for line in conversation.lines
        ),
        tuple(d.shift(by) for d in conversation.dropouts),
    )
