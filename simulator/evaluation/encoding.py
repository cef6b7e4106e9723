"""What the judge's encoder reads and says: its labels, and how a client's line and a reply become tokens.

The training and the program share this, so that both read the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulator.dialogue.skills import Skill
from simulator.language.wordpieces import WordPieces

HEADS: dict[str, tuple[str, ...]] = {
    "behaviour": ("other", "question", "reflection", "therapist_input"),
    "reflection": ("none", "simple", "complex"),
    "question": ("none", "open", "closed"),
    "input": ("none", "information", "advice", "negotiation", "options"),
}
"""What people labelled in AnnoMI (Wu et al. 2022, 2023): one of each for a helper's utterance."""

SKILLS: tuple[Skill, ...] = (
    Skill.NAMING,
    Skill.REFLECTION_SIMPLE,
    Skill.REFLECTION_COMPLEX,
    Skill.SUPPORT,
    Skill.VALIDATION,
    Skill.AFFIRMATION,
    Skill.OPEN_QUESTION,
    Skill.EXPLORATION,
    Skill.AUTONOMY,
    Skill.ADVICE_WITH_PERMISSION,
    Skill.CLOSED_QUESTION,
    Skill.EMPTY_SYMPATHY,
    Skill.SELF_FOCUS,
    Skill.LEADING,
    Skill.WHY_QUESTION,
    Skill.ADVICE,
    Skill.FIXING,
    Skill.JUDGEMENT,
    Skill.MINIMISING,
    Skill.CONFRONTATION,
)
"""What is labelled in the project's own replies, any number for a reply, each with the words that show it."""

BEFORE_TOKENS, CLIENT_TOKENS, REPLY_TOKENS = 40, 56, 120
"""The last of what the helper said before and of the client's line, and the first of the reply, are read."""


def encode(
    client: str, words: Sequence[str], pieces: WordPieces, before: str = ""
) -> tuple[list[int], list[int], list[int]]:
    """Tokens; 1 where a token is the reply's, else 0; and the place of each word's first token.

    `words` is the reply split at spaces; words that do not fit get no place. `before` is what the helper had
    said before the client's line; where it is not known there is no part for it.
    """
    tokens = [WordPieces.START]
    if before:
        tokens += [*_last(before, BEFORE_TOKENS, pieces), WordPieces.SEPARATOR]
    tokens += [*_last(client, CLIENT_TOKENS, pieces), WordPieces.SEPARATOR]
    kinds = [0] * len(tokens)
    firsts: list[int] = []
    reply: list[int] = []
    for word in words:
        more = pieces.of(word)
        if len(reply) + len(more) > REPLY_TOKENS:
            break
        firsts.append(len(tokens) + len(reply))
        reply += more
    return [*tokens, *reply, WordPieces.SEPARATOR], kinds + [1] * (len(reply) + 1), firsts


def _last(text: str, count: int, pieces: WordPieces) -> list[int]:
    """The last tokens of a text."""
    return [token for word in text.split()[-count:] for token in pieces.of(word)][-count:]
