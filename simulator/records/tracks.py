"""A conversation drawn in text: two tracks over a time axis.

    client    ####ppp####....
    trainee   .....##......##
    both           ^^

`#` speech, `p` a written pause of the client's line, `-` where the client would have gone on and yielded,
`x` sound that the device lost, `^` both at once.
"""

from __future__ import annotations

from collections.abc import Iterable

from simulator.audio.span import Span, to_samples
from simulator.dialogue.turns import Conversation, Speaker

LABEL = 10
"""Columns before the tracks."""

SCALES: tuple[tuple[float, int], ...] = ((0.1, 10), (0.25, 20), (0.5, 10), (1.0, 10), (2.0, 15), (5.0, 12))
"""Seconds in a column, and columns from one mark of the axis to the next."""

MOST_ROWS = 10
"""The finest scale is taken that draws the conversation in so many rows; the coarsest takes what it needs."""

LEGEND = ("# speech   p written pause   ^ both at once", "- not said: the client yielded   x lost sound")


def end_of(conversation: Conversation) -> int:
    """The last moment at which anything is known to have sounded; 0 for an empty conversation."""
    spans = [u.span for u in conversation.utterances]
    spans += [line.sounded for line in conversation.lines] + list(conversation.dropouts)
    return max((span.end for span in spans), default=0)


def overlaps(conversation: Conversation) -> tuple[Span, ...]:
    """Where both speak, in order."""
    client, trainee = conversation.of(Speaker.CLIENT), conversation.of(Speaker.TRAINEE)
    both = [a.span & b.span for a in client for b in trainee]
    return tuple(sorted(span for span in both if len(span)))


def draw(conversation: Conversation, width: int) -> list[str]:
    """The tracks in rows of at most `width` columns (48 at least), each with its axis; "" between rows.

    A column is `#` if there is speech anywhere in it, so that the shortest "mm" is seen.
    """
    end = end_of(conversation)
    if not end:
        return []
    per_column_s, mark = _scale(end / conversation.rate, width)
    row_columns = _row_columns(width, mark)
    columns = -(-end // max(1, to_samples(per_column_s, conversation.rate)))
    tracks = _tracks(conversation, per_column_s, columns)
    rows: list[str] = []
    for first in range(0, columns, row_columns):
        part = slice(first, min(first + row_columns, columns))
        rows.append(" " * LABEL + _axis(first, part.stop, mark, per_column_s))
        for name, track in tracks:
            drawn = track[part]
            if name != "both" or drawn.strip():
                rows.append(f"{name:<{LABEL}}{drawn}".rstrip())
        rows.append("")
    return rows[:-1]


def clock(samples: int, rate: int) -> str:
    """A moment as minutes, seconds and tenths: `0:07.2`."""
    tenths = round(10 * samples / rate)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"


def _scale(duration_s: float, width: int) -> tuple[float, int]:
    for per_column_s, mark in SCALES:
        if duration_s <= MOST_ROWS * _row_columns(width, mark) * per_column_s:
            return per_column_s, mark
    return SCALES[-1]


def _row_columns(width: int, mark: int) -> int:
    """Whole marks, so that each row begins at one."""
    return (max(48, width) - LABEL) // mark * mark


def _tracks(conversation: Conversation, per_column_s: float, columns: int) -> tuple[tuple[str, str], ...]:
    step = max(1, to_samples(per_column_s, conversation.rate))
    client, trainee, both = (["."] * columns, ["."] * columns, [" "] * columns)
    for line in conversation.lines:
        if line.sounded.end < line.planned.end and len(line.sounded):
            _mark(client, [Span(line.sounded.end, line.planned.end)], "-", step)
    for track, speaker in ((client, Speaker.CLIENT), (trainee, Speaker.TRAINEE)):
        _mark(track, (u.span for u in conversation.of(speaker)), "#", step)
    for line in conversation.lines:
        for pause in line.pauses:
            _mark(client, [_whole_columns(pause & line.sounded, step)], "p", step)
    for track in (client, trainee):
        _mark(track, conversation.dropouts, "x", step)
    _mark(both, overlaps(conversation), "^", step)
    return ("client", "".join(client)), ("trainee", "".join(trainee)), ("both", "".join(both))


def _mark(track: list[str], spans: Iterable[Span], sign: str, step: int) -> None:
    for span in spans:
        if len(span):
            for column in range(span.start // step, min(len(track), -(-span.end // step))):
                track[column] = sign


def _whole_columns(span: Span, step: int) -> Span:
    """The columns that lie in it entirely: the speech around a pause is not drawn over."""
    start = -(-span.start // step) * step
    return Span(start, max(start, span.end // step * step))


def _axis(first: int, past: int, mark: int, per_column_s: float) -> str:
    """`0:00      0:05`: the time at every mark; a label that would stick out of the row is left away."""
    axis = ""
    for column in range(first, past, mark):
        seconds = round(column * per_column_s)
        label = f"{seconds // 60}:{seconds % 60:02d}"
        if column == first or column - first + len(label) <= past - first:
            axis = axis.ljust(column - first) + label
    return axis
