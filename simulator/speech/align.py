"""Where the words of a known text lie in a sound: forced alignment by pocketsphinx.

It costs about 0.02 s of processor for a second of sound.

Words its dictionary lacks get a pronunciation by rule; where the alignment fails, words share the voiced
sound by their length. So every word of the text gets a place.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.errors import EngineMissing

FRAME = 160
"""Samples of a frame at 16 kHz: times come in steps of 10 ms."""

Place = tuple[int, int]
"""Start and end in samples."""

_TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)*|\d", re.IGNORECASE)
_NOT_WORDS = re.compile(r"^(<.*>|\[.*\]|\+\+.*\+\+|\(NULL\))$")
_VARIANT = re.compile(r"\(\d+\)$")

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

_SOUNDS = {
    "tion": "SH AH N", "sion": "ZH AH N", "ough": "AO", "augh": "AO", "eigh": "EY", "igh": "AY",
    "tch": "CH", "sch": "SH", "dge": "JH", "qu": "K W", "ch": "CH", "sh": "SH", "th": "TH", "ph": "F",
    "wh": "W", "gh": "G", "kn": "N", "wr": "R", "ck": "K", "ng": "NG", "ee": "IY", "ea": "IY", "oo": "UW",
    "ou": "AW", "ow": "OW", "oa": "OW", "oi": "OY", "oy": "OY", "ai": "EY", "ay": "EY", "au": "AO",
    "aw": "AO", "ie": "IY", "ei": "EY", "ew": "UW", "ue": "UW", "er": "ER", "ir": "ER", "ur": "ER",
    "ar": "AA R", "or": "AO R", "a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G",
    "h": "HH", "i": "IH", "j": "JH", "k": "K", "l": "L", "m": "M", "n": "N", "o": "AA", "p": "P", "q": "K",
    "r": "R", "s": "S", "t": "T", "u": "AH", "v": "V", "w": "W", "x": "K S", "y": "IY", "z": "Z",
}  # fmt: skip
_SPELLING = re.compile("|".join(sorted(_SOUNDS, key=len, reverse=True)))


def tokens(word: str) -> list[str]:
    """What is to be pronounced in a written word: "Mm-hm," -> mm, hm; "10" -> one, zero; "—" -> nothing."""
    return [
        _DIGITS[int(token)] if token.isdigit() else token.lower()
        for token in _TOKEN.findall(word.replace("’", "'"))
    ]


def guess_phones(token: str) -> str:
    """A pronunciation in ARPAbet by spelling, good enough to be aligned: "zorble" -> "Z AO R B L EH".

    A final silent "e" is dropped after a consonant where another vowel is left.
    """
    letters = re.sub(r"[^a-z]", "", token.lower())
    if re.fullmatch(r".*[aeiouy].*[^aeiouy]e", letters):
        letters = letters[:-1]
    letters = re.sub(r"([b-df-hj-np-tv-z])\1", r"\1", letters)
    return " ".join(_SOUNDS[match] for match in _SPELLING.findall(letters))


def share(lengths: Sequence[int], place: Place) -> list[Place]:
    """`place` cut into pieces in proportion to `lengths` (at least 1 each)."""
    start, end = place
    whole = sum(max(1, n) for n in lengths)
    edges, done = [start], 0
    for n in lengths:
        done += max(1, n)
        edges.append(start + (end - start) * done // whole)
    return list(itertools.pairwise(edges))


def fill(words: Sequence[str], known: Sequence[Place | None], voiced: Place) -> list[Place]:
    """Places for all words: those without one share that of the word before (at the start: after).

    Nothing known: all share `voiced`.
    """
    groups: list[tuple[list[str], Place | None]] = []
    for word, place in zip(words, known, strict=True):
        if groups and (place is None or groups[-1][1] is None):
            members, held = groups[-1]
            groups[-1] = ([*members, word], held if held is not None else place)
        else:
            groups.append(([word], place))
    filled: list[Place] = []
    for members, held in groups:
        filled += share([len(word) for word in members], held if held is not None else voiced)
    return filled


class Aligner:
    """Holds pocketsphinx with its English model and dictionary (both in its wheel): about 30 MB.

    Raises:
        EngineMissing: pocketsphinx cannot be loaded.
    """

    def __init__(self) -> None:
        try:
            from pocketsphinx import Decoder
        except (ImportError, OSError) as error:
            raise EngineMissing(
                f"Word times need pocketsphinx ({error}). Install it again: pip install pocketsphinx"
            ) from error
        self._decoder: Any = Decoder(lm=None, loglevel="FATAL")

    def align(self, pcm: NDArray[np.int16], words: Sequence[str], voiced: Place) -> list[Place]:
        """A place in `pcm` (16 kHz) for each of `words`, in order, never overlapping.

        `voiced` is from the first to the last voiced sample: the place of words that cannot be aligned.
        """
        spoken = [[t for t in tokens(word) if self._known(t)] for word in words]
        flat = [token for group in spoken for token in group]
        found = self._search(pcm, flat) if flat else None
        if found is None:
            return fill(words, [None] * len(words), voiced)
        places: list[Place | None] = []
        used = 0
        for group in spoken:
            mine = found[used : used + len(group)]
            used += len(group)
            places.append((mine[0][0], mine[-1][1]) if mine else None)
        return fill(words, _trimmed(places, voiced), voiced)

    def _known(self, token: str) -> bool:
        if self._decoder.lookup_word(token) is None:
            phones = guess_phones(token)
            if not phones:
                return False
            self._decoder.add_word(token, phones, True)
        return True

    def _search(self, pcm: NDArray[np.int16], flat: list[str]) -> list[Place] | None:
        """Places of the tokens, or `None` where the text does not fit the sound."""
        decoder = self._decoder
        try:
            # Without it the mean of the sounds before would move these by a frame or two.
            decoder.reinit_feat()
            decoder.set_align_text(" ".join(flat))
            decoder.start_utt()
            decoder.process_raw(pcm.tobytes(), full_utt=True)
            decoder.end_utt()
            segments = list(decoder.seg() or ())
        except (RuntimeError, ValueError):
            return None
        heard = [s for s in segments if not _NOT_WORDS.match(s.word)]
        if [_VARIANT.sub("", s.word) for s in heard] != flat:
            return None
        return [(s.start_frame * FRAME, min((s.end_frame + 1) * FRAME, len(pcm))) for s in heard]


def _trimmed(places: list[Place | None], voiced: Place) -> list[Place | None]:
    """The last word without the silence behind it, which an alignment gives to it."""
    last = max((i for i, place in enumerate(places) if place is not None), default=None)
    if last is None:
        return places
    start, end = places[last] or voiced
    return [*places[:last], (start, max(start + FRAME, min(end, voiced[1]))), *places[last + 1 :]]
