"""Whether words make a whole sentence: "because I think" goes on, "that must have hurt" need not.

Thinking pauses lie inside sentences more often than between them, and a recogniser's words tell that better
than any silence. A logistic regression over the last words, whose weights lie beside a language's words
(`endings.npz`); it was trained by `scripts/train_endings` on transcribed talk, with and without word errors.
One of the things it looks at, in English, is how often a sentence ends after the last two words, by the
trigrams that the pocketsphinx package carries (36 MB in memory, read once).
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.language.syllables import english_file

LONGEST = 24
"""So many words are looked at, the last ones."""

BUCKETS = 1 << 17
"""Features share so many weights, by a checksum of their names."""

GOES_ON = 0.8
"""What a recogniser's comma, or its missing full stop, takes from the log-odds.

This and the length were found on the half `tune` of the generated dialogues, by logistic regression.
"""

LOG_STEPS, MOST_STEPS = 10_000, 24
"""Pocketsphinx counts logarithms to the base 1.0001."""

ASKED = 1.0
"""What a recogniser's question mark adds."""

LENGTH_WEIGHT, SHORT, USUAL_LENGTH, LONG = 1.2, 4, 10, 20
"""Who has said little is likelier to go on: the logarithm of the number of words counts, from `SHORT` words
to `LONG` (of shorter turns nothing was known)."""


def log_odds(text: str, language: str) -> float | None:
    """How far the words of a turn so far speak for its end (> 0) or for its going on (< 0).

    `None` without a word, or where the language has no weights. Full stops are not believed, because a
    recogniser ends with one whatever it is given; its commas and question marks are, a little.
    """
    words = re.findall(r"[\w']+", text.lower().replace("’", "'"))
    found = weights(language)
    if not words or found is None:
        return None
    values, bias = found
    score = bias + float(values[[bucket(name) for name in features(words, language)]].sum())
    score += LENGTH_WEIGHT * log((1 + min(max(len(words), SHORT), LONG)) / (1 + USUAL_LENGTH))
    if text.rstrip().endswith("?"):
        score += ASKED
    return score - GOES_ON if _goes_on(text) else score


def _goes_on(text: str) -> bool:
    """Whether a recogniser that writes sentences did not end this one."""
    writes_sentences = text != text.lower()
    return writes_sentences and text.rstrip()[-1:] not in (".", "?", "!")


def bucket(name: str) -> int:
    """The place of a feature's weight."""
    return zlib.crc32(name.encode()) % BUCKETS


@cache
def _trigrams() -> Any:
    """The language model of the pocketsphinx package; `None` where the package is absent."""
    file = english_file("en-us.lm.bin")
    if file is None:
        return None
    from pocketsphinx import NGramModel

    return NGramModel.readfile(str(file))


def _by_trigrams(words: Sequence[str]) -> list[str]:
    """How rarely a sentence ends after the last two words and after the last, in steps of a third of its log
    probability (base e): all steps it lies below."""
    model = _trigrams()
    if model is None or not words:
        return []
    names = []
    for count in (1, 2):
        # The word asked for comes first, then those before it, the latest first.
        log_probability = model.prob(["</s>", *reversed(words[-count:])]) / LOG_STEPS
        steps = min(MOST_STEPS, int(-3 * log_probability))
        names += [f"rare{count}>={step}" for step in range(steps)]
    return names


def features(words: Sequence[str], language: str) -> list[str]:
    """Names of what is seen in the last words: each at its place, runs of them, endings, and how many."""
    last = list(words[-LONGEST:])
    padded = ["<s>"] * 5 + last
    names = [f"n={min(len(last), 8)}"]
    names += [f"{k}={padded[-k]}" for k in range(1, 6)]
    names += [f"run{k}={' '.join(last[-k:])}" for k in (2, 3, 4)]
    names += [f"gap={padded[-3]} {padded[-1]}", f"before={padded[-3]} {padded[-2]}"]
    names += [f"ending={last[-1][-k:]}" for k in (2, 3)]
    names += [f"near={word}" for word in last[-8:]]
    names += [f"first={' '.join(last[:k])}" for k in (1, 2)]
    return names + _by_trigrams(last) if language == "en" else names


@cache
def weights(language: str) -> tuple[NDArray[np.float32], float] | None:
    """The weights, shape (`BUCKETS`,), and the bias; `None` where the language has none."""
    file = files("simulator.language") / language / "endings.npz"
    if not file.is_file():
        return None
    with np.load(io.BytesIO(file.read_bytes())) as found:
        values = found["weights"].astype(np.float32) * float(found["scale"])
        return values, float(found["bias"])
