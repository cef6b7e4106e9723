"""The word pieces of a language: what its models read instead of words. Shared by all of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from simulator.language import language_file


class WordPieces:
    """The pieces of words, each word on its own."""

    START, SEPARATOR, UNKNOWN = 101, 102, 100
    """BERT's numbers for them."""

    def __init__(self, file: Path):
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(file))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._known: dict[str, list[int]] = {}

    def of(self, word: str) -> list[int]:
        """At least one piece."""
        if word not in self._known:
            ids: list[int] = self._tokenizer.encode(word, add_special_tokens=False).ids
            self._known[word] = ids or [self.UNKNOWN]
        return self._known[word]


@cache
def word_pieces(language: str) -> WordPieces:
    """Those of a language, read once.

    Raises:
        FileNotFoundError: it has none.
    """
    file = language_file(language, "wordpieces.json")
    if not file.is_file():
        raise FileNotFoundError(file)
    return WordPieces(file)
