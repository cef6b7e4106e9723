"""What every voice does to its sound: tempo to measure, pitch without tempo, one loudness, clean edges.

Engines understand "speed" each in their own way and seldom understand pitch at all. So tempo is fitted by
measuring what comes out, and pitch is shifted by rendering at another tempo and resampling. The formants move
with it, which is what makes another person of a voice rather than the same one singing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np

from simulator.audio.sound import Samples, Sound, amplify, audible, level_db
from simulator.speech import Manner

PLAIN_WPM = 165.0
"""The pace of a plain manner over `PASSAGE`, in every engine: comfortable to follow, and the same rate in a
profile whichever engine has to speak it."""

PASSAGE = (
    "Take your time. I am here, and I would like to hear how the week has been for you, "
    "the good parts as well as the hard ones."
)
"""What is measured to learn an engine's pace."""

LEVEL_DB = -23.0
"""Root mean square over the audible frames of a voice at volume 1.0, in dB relative to full scale."""

CEILING = 0.95
"""No sample is beyond this; a sound that would be is made quieter as a whole."""

EDGE_S = 0.003
"""Fade at either end, so that a cut never clicks."""

CLOSE_ENOUGH = 0.02
"""A duration within this share of the wanted one is not rendered again."""

MOST_RENDERS = 4
"""Renders spent on one text to meet a duration."""

_WORD = re.compile(r"\w")


def has_words(text: str) -> bool:
    """Whether there is anything to say; punctuation and blanks are not."""
    return _WORD.search(text) is not None


def pitch_ratio(cents: float) -> float:
    """The factor on every frequency: 1200 cents are an octave, 2.0."""
    return float(2 ** (cents / 1200))


def trim(sound: Sound) -> Sound:
    """Without an offset, from the first to the last audible sample."""
    if not len(sound):
        return sound
    centred = Sound((sound.samples - sound.samples.mean(dtype=np.float64)).astype(np.float32), sound.rate)
    return centred.cut(audible(centred))


def fit(render: Callable[[float], Sound], tempo: float, wanted_s: float) -> Sound:
    """The sound of `render(tempo)` that is closest to `wanted_s` long, with what is left stretched away.

    `render` gives trimmed sound, shorter for a higher tempo, though not in proportion: some engines jump by a
    fifth, and no tempo gives what lies between. The first guess is `tempo`; each further one corrects the
    last by what it was wrong, at most `MOST_RENDERS` in all. The same `render` gives the same answer.
    """
    best = render(tempo)
    length_s = best.duration_s
    for _ in range(MOST_RENDERS - 1):
        if not len(best) or _off(best.duration_s, wanted_s) <= CLOSE_ENOUGH:
            break
        tempo *= length_s / wanted_s
        other = render(tempo)
        if not len(other):
            break
        length_s = other.duration_s
        if _off(length_s, wanted_s) < _off(best.duration_s, wanted_s):
            best = other
    if len(best) and _off(best.duration_s, wanted_s) > CLOSE_ENOUGH:
        return stretch(best, wanted_s / best.duration_s)
    return best


def _off(length_s: float, wanted_s: float) -> float:
    return abs(math.log(length_s / wanted_s))


def shape(render: Callable[[float], Sound], plain_s: float, manner: Manner) -> Sound:
    """A text in a manner: `plain_s / manner.rate` long, `manner.pitch_cents` higher, at the common loudness.

    Args:
        render: tempo factor (1.0 = the voice's own) to trimmed sound.
        plain_s: duration of `render(1.0)`.
    """
    ratio = pitch_ratio(manner.pitch_cents)
    wanted_s = plain_s / manner.rate * ratio
    rendered = render(1.0) if wanted_s == plain_s else fit(render, plain_s / wanted_s, wanted_s)
    return finish(shift_pitch(rendered, ratio), manner.volume)


def stretch(sound: Sound, factor: float) -> Sound:
    """`factor` times as long at the same pitch, for factors near 1 (about 0.8 to 1.25).

    WSOLA: windows of 30 ms are laid half over each other, each taken from within 8 ms of where it should be,
    where it continues the one before it best (Verhelst and Roelands 1993).
    """
    size = round(0.030 * sound.rate) // 2 * 2
    hop, reach = size // 2, round(0.008 * sound.rate)
    length = round(len(sound) * factor)
    if length < size or len(sound) < size:
        return sound
    padded = np.pad(sound.samples, (reach, size + hop + reach))
    window = np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(size) + 0.5) / size), np.float32)
    laid, weight = np.zeros(length + size, np.float32), np.zeros(length + size, np.float32)
    at = 0
    for place in range(0, length, hop):
        target = min(round(place / factor), len(sound))
        if place:
            follows = padded[at + hop + reach : at + hop + reach + size]
            near = padded[target : target + 2 * reach + size]
            at = target - reach + int(np.argmax(np.correlate(near, follows, "valid")))
        taken = padded[at + reach : at + reach + size]
        laid[place : place + size] += taken * window
        weight[place : place + size] += window
    return Sound((laid / np.maximum(weight, np.float32(1e-3)))[:length].astype(np.float32), sound.rate)


def shift_pitch(sound: Sound, ratio: float) -> Sound:
    """Every frequency times `ratio`, and so `1 / ratio` as long."""
    if ratio == 1.0 or not len(sound):
        return sound
    import soxr

    samples = soxr.resample(sound.samples, sound.rate * ratio, float(sound.rate))
    return Sound(np.asarray(samples, np.float32), sound.rate)


def finish(sound: Sound, volume: float) -> Sound:
    """Trimmed, at `LEVEL_DB` times `volume`, never clipped, faded over `EDGE_S` at both ends."""
    sound = trim(sound)
    if not len(sound):
        return sound
    samples = amplify(sound.samples, LEVEL_DB - audible_level_db(sound)) * np.float32(volume)
    peak = float(np.abs(samples).max())
    if peak > CEILING:
        samples = samples * np.float32(CEILING / peak)
    return Sound(_fade_edges(samples.astype(np.float32), round(EDGE_S * sound.rate)), sound.rate)


def audible_level_db(sound: Sound) -> float:
    """Root mean square of the 10 ms frames no more than 40 dB under the loudest, in dB.

    Pauses inside a line do not make it quieter than a line without them.
    """
    frame = max(1, sound.rate // 100)
    whole = len(sound.samples) // frame * frame
    if not whole:
        return level_db(sound.samples)
    frames = sound.samples[:whole].reshape(-1, frame)
    energy = np.square(frames, dtype=np.float64).mean(axis=1)
    return level_db(frames[energy >= energy.max() * 1e-4].reshape(-1))


def _fade_edges(samples: Samples, length: int) -> Samples:
    length = min(length, len(samples) // 2)
    if length:
        ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length)).astype(np.float32)
        samples[:length] *= ramp
        samples[-length:] *= ramp[::-1]
    return samples
