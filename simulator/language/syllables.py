"""How many syllables a word has: from a pronouncing dictionary, with a rule for words it lacks.

The dictionary is CMUdict (Carnegie Mellon University), which the pocketsphinx package carries as a text file.
It is searched, not parsed: reading the bytes costs milliseconds, a table of all its words would not.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from simulator.language import Language, tokens

_VOWEL_PHONES = frozenset(
    ["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"]
)


def syllables(word: str, language: Language) -> int:
    """Syllables of a word or of several; 0 where there is no word in it.

    Recognisers write numbers in digits ("10 minutes"): those that the language names count as they are said,
    others one a digit.
    """
    return sum(_of_one(_said(one, language), language.name) for one in tokens(word))


def _said(token: str, language: Language) -> str:
    number = int(token) if re.fullmatch("[0-9]{1,4}", token) else 0
    return language.numbers[number - 1] if 1 <= number <= len(language.numbers) else token


@cache
def _of_one(word: str, language: str) -> int:
    if language == "en":
        phones = _look_up(word)
        if phones is not None:
            return max(1, sum(phone.rstrip("012") in _VOWEL_PHONES for phone in phones))
    return by_rule(word)


def _look_up(word: str) -> list[str] | None:
    """The first pronunciation of an English word, as phones."""
    book = _dictionary()
    at = book.find(b"\n" + word.encode() + b" ")
    if at < 0:
        return None
    end = book.find(b"\n", at + 1)
    return book[at + 1 : end if end >= 0 else None].decode().split()[1:]


@cache
def _dictionary() -> bytes:
    """The dictionary's bytes, each entry on its own line; empty where the package is absent."""
    path = english_file("cmudict-en-us.dict")
    return b"" if path is None else b"\n" + path.read_bytes().replace(b"\t", b" ")


def english_file(name: str) -> Path | None:
    """A file of the English model that the pocketsphinx package carries; `None` where it is absent."""
    package = find_spec("pocketsphinx")
    for place in (package.submodule_search_locations or ()) if package else ():
        path = Path(place) / "model" / "en-us" / name
        if path.is_file():
            return path
    return None


def by_rule(word: str) -> int:
    """Syllables by spelling: groups of vowels, less the letters e that English keeps silent. At least 1.

    A digit counts as one. Right for nine of ten words of CMUdict.
    """
    digits = sum(letter.isdigit() for letter in word)
    letters = re.sub(r"[^a-zà-ÿ]", "", word.lower())
    if not letters:
        return max(1, digits)
    count = len(re.findall(r"[aeiouyà-ÿ]+", letters))
    silent_ending = r"(?<=[^aeiouy])e$|(?<=[^aeioutdy])ed$|(?<=[^aeiouycgsxz])(?<!sh)(?<!ch)es$"
    if re.search(silent_ending, letters) and not re.search(r"[^aeiouyrl]les?$", letters):
        count -= 1
    # two vowels that are spoken apart: "lion", "being", "idea", "area"
    count += len(
        re.findall(r"(?:i[ao](?!us|l$)|eing|ying|uing|eo(?!u|ple)|ua)", re.sub(r"[tsc]i[ao]", "", letters))
    )
    return max(1, count) + digits
