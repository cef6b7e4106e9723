"""A voice without an engine: a tone for each syllable. Deterministic, instant, and loud where words are.

It is what the tests and a machine without engines rehearse with; it passes the same contract as the others.
"""

from __future__ import annotations

import re
from types import TracebackType
from typing import Self

import numpy as np

from simulator.audio.sound import Samples, Sound
from simulator.audio.span import to_samples
from simulator.speech import Manner
from simulator.speech.shaping import finish, has_words, pitch_ratio

ENGINE_HZ = 16_000
PITCH_HZ = 140.0
SYLLABLE_S = 0.24
WORD_GAP_S = 0.065
CLAUSE_GAP_S = 0.14
SENTENCE_GAP_S = 0.18

_TOKEN = re.compile(r"\w+(?:['’]\w+)*|[.!?…]+|[,;:—]")
_VOWELS = re.compile(r"[aeiouy]+", re.IGNORECASE)


class ScriptedVoice:
    """Bursts of a harmonic tone: `SYLLABLE_S` for each group of vowels, with short silences between words."""

    name = "scripted"

    def speak(self, text: str, manner: Manner = Manner()) -> Sound:  # noqa: B008 (frozen)
        """See `simulator.speech.Voice`. Never fails."""
        if not has_words(text):
            return Sound(np.zeros(0, np.float32), ENGINE_HZ)
        pieces: list[Samples] = []
        for token in _TOKEN.findall(text):
            if has_words(token):
                pieces += [_burst(manner)] * max(1, len(_VOWELS.findall(token)))
                pieces.append(_hush(WORD_GAP_S, manner))
            else:
                pieces.append(_hush(CLAUSE_GAP_S if token in ",;:—" else SENTENCE_GAP_S, manner))
        return finish(Sound(np.concatenate(pieces), ENGINE_HZ), manner.volume)

    def close(self) -> None:
        """Holds nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _burst(manner: Manner) -> Samples:
    """One syllable: six harmonics that swell and fade without falling silent."""
    length = to_samples(SYLLABLE_S / manner.rate, ENGINE_HZ)
    time_s = np.arange(length) / ENGINE_HZ
    pitch_hz = PITCH_HZ * pitch_ratio(manner.pitch_cents)
    tone = sum(np.sin(2 * np.pi * pitch_hz * n * time_s) / n for n in range(1, 7))
    swell = 0.3 + 0.7 * np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 2
    return np.asarray(0.2 * tone * swell, np.float32)


def _hush(duration_s: float, manner: Manner) -> Samples:
    return np.zeros(to_samples(duration_s / manner.rate, ENGINE_HZ), np.float32)
