"""Who said what, when: the facts of a conversation."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from simulator.audio.span import Span, Word


class Speaker(StrEnum):
    """The two who talk. The coach speaks after the conversation and is not part of it."""

    CLIENT = "client"
    TRAINEE = "trainee"


@dataclass(frozen=True, slots=True)
class Utterance:
    """One speaker's speech between two silences (an inter-pausal unit), unpadded.

    `text` is ``" ".join(word.text for word in words)`` where words are known. `words` is empty for the
    client, whose text is known but not its word times. `complete` is false where the speech was cut off;
    then `text` holds what was heard, not what was written. `line` names the client's line, `None` for the
    trainee. `fillers` are the filled pauses in it and `hum` says that all of it is a hum ("mm-hm"), both by
    the sound; `None` where nobody looked.
    """

    speaker: Speaker
    span: Span
    text: str
    words: tuple[Word, ...] = ()
    complete: bool = True
    line: str | None = None
    fillers: tuple[Span, ...] | None = None
    hum: bool | None = None


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """A client line as it was performed: what classifying an overlap needs to know of the plan.

    `planned` is where the line would have sounded in full, from its first to its last audible sample;
    `pauses` are its written pauses (on the session clock); `sounded` is where it did sound, shorter than
    `planned` when the client yielded, and empty while the line begins to sound. `disclosure` is the line's
    level, 1.0 to 4.0.
    """

    line: str
    planned: Span
    sounded: Span
    pauses: tuple[Span, ...] = ()
    disclosure: float = 1.0


@dataclass(frozen=True, slots=True)
class Conversation:
    """The facts: utterances of both speakers ordered by onset, on a clock of `rate` Hz.

    `lines` are the client's lines in the order spoken. `dropouts` are where the device lost samples: a
    measure that touches one is left out and says so. `duplex` is false where the microphone was not
    listened to while the client spoke: overlaps are then unknown, not absent.
    """

    rate: int
    utterances: tuple[Utterance, ...] = ()
    lines: tuple[SpokenLine, ...] = ()
    dropouts: tuple[Span, ...] = ()
    duplex: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "utterances", tuple(sorted(self.utterances, key=lambda u: (u.span.start, u.speaker)))
        )

    def of(self, speaker: Speaker) -> tuple[Utterance, ...]:
        """The utterances of one speaker, in order."""
        return tuple(u for u in self.utterances if u.speaker is speaker)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One client line and what the trainee said from its start until the next line starts.

    `during` are the trainee's utterances that start before the line's end (overlaps, backchannels, filled
    silences), `reply` those that start at or after it.
    """

    line: SpokenLine
    during: tuple[Utterance, ...] = field(default=())
    reply: tuple[Utterance, ...] = field(default=())

    @property
    def text(self) -> str:
        """All that the trainee said in it, in order."""
        return " ".join(u.text for u in self.during + self.reply)


def exchanges(conversation: Conversation) -> tuple[Exchange, ...]:
    """The conversation as exchanges, one for each line spoken.

    A line's reach runs from its start to the start of the next line, so that each trainee utterance belongs
    to exactly one exchange; what was said before the first line belongs to none.
    """
    trainee = conversation.of(Speaker.TRAINEE)
    found = []
    for index, line in enumerate(conversation.lines):
        later = conversation.lines[index + 1 :]
        until = later[0].sounded.start if later else None
        mine = [
            u
            for u in trainee
            if u.span.start >= line.sounded.start and (until is None or u.span.start < until)
        ]
        found.append(
            Exchange(
                line,
                tuple(u for u in mine if u.span.start < line.sounded.end),
                tuple(u for u in mine if u.span.start >= line.sounded.end),
            )
        )
    return tuple(found)
