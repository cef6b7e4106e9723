"""Moonshine (tiny, English) in a worker process: the model in the wheel of moonshine-voice 0.1.0, no other.

It is given whole utterances: its own speech detector is off, because it adds words ("You", "?") of its own.
Without one it invents text for anything that is not speech, so a piece with less than `LEAST_VOICE_S` of
voice gives no words, and text that loops is dropped. It writes punctuation and no word times: those come from
`simulator.speech.align`, in the same process. It never says how sure it is.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.audio.sound import Samples
from simulator.errors import EngineMissing, ModelBroken
from simulator.speech.align import Aligner, Place
from simulator.speech.hearing import RATE_HZ, Found, WholeHearing, WholeQueue, WorkerTranscriber
from simulator.speech.silero import WINDOW, SileroDetector
from simulator.speech.worker import Worker

LEAST_VOICE_S = 0.25
LONGEST_PIECE_S = 15.0
VOICE_PROBABILITY = 0.5
MOST_WORDS_PER_S = 9.0
"""No one speaks faster; a text that would need to is made up."""

CURE = "Install it again: pip install --force-reinstall moonshine-voice==0.1.0"
FILES = ("encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin")


class MoonshineTranscriber(WorkerTranscriber):
    """Turns speech into words with punctuation and times, an utterance at a time.

    Args:
        timeout_s: how long an answer may take, the length of the sound not counted; then it is a hang.
    """

    def __init__(self, timeout_s: float = 10.0):
        super().__init__("moonshine", Worker(MoonshineEngine, name="moonshine", start_timeout_s=60))
        self._queue = WholeQueue(self.worker, timeout_s)

    def listen(self, start: int) -> WholeHearing:
        """See `simulator.speech.Transcriber`."""
        return WholeHearing(self._queue, start)


class MoonshineEngine:
    """The engine inside the worker.

    Raises:
        EngineMissing, ModelBroken: the package or a file of its model is absent.
    """

    def __init__(self) -> None:
        folder, transcriber_class, tiny = _package()
        for file in FILES:
            if not (folder / file).is_file() or not (folder / file).stat().st_size:
                raise ModelBroken(f"The model file {folder / file} is missing or empty. {CURE}")
        try:
            # Its answer would hold the sound once more, as a list of floats: a twentieth of its time.
            options = {"vad_threshold": 0, "return_audio_data": False}
            self._moonshine: Any = transcriber_class(str(folder), tiny, options=options)
        except Exception as error:
            raise ModelBroken(
                f"The Moonshine model in {folder} cannot be loaded ({error}). {CURE}"
            ) from error
        self._silero = SileroDetector()
        self._aligner = Aligner()

    def transcribe(self, pcm: NDArray[np.int16]) -> list[Found]:
        """The words of 16 kHz sound, shape (n,), with their places in it."""
        samples: Samples = (pcm / 32767).astype(np.float32)
        voice = self._voice(samples)
        found: list[Found] = []
        for start, end in pieces(voice, len(pcm)):
            heard = voice[start // WINDOW : -(-end // WINDOW)]
            voiced = voiced_place(heard, end - start)
            if voiced is None:
                continue
            words = self._words(samples[start:end])
            voice_s = float(np.count_nonzero(heard >= VOICE_PROBABILITY)) * WINDOW / RATE_HZ
            if loops(words) or len(words) > MOST_WORDS_PER_S * (voice_s + 0.3):
                continue
            places = self._aligner.align(pcm[start:end], words, voiced)
            found += [(w, start + a, start + b, None) for w, (a, b) in zip(words, places, strict=True)]
        return found

    def _voice(self, samples: Samples) -> NDArray[np.float64]:
        """The probability of voice in each window, the last one filled up with silence."""
        self._silero.reset()
        filled = np.pad(samples, (0, -len(samples) % WINDOW))
        return np.array([d.probability for d in self._silero.detect(filled)], np.float64)

    def _words(self, samples: Samples) -> list[str]:
        lines = self._moonshine.transcribe_without_streaming(samples.tolist(), RATE_HZ).lines
        words = " ".join(line.text for line in lines).split()
        return words if any(character.isalnum() for word in words for character in word) else []


def _package() -> tuple[Path, Any, Any]:
    """The folder of the wheel's own model, the class, and the name of the model's kind."""
    try:
        import moonshine_voice
        from moonshine_voice.moonshine_api import ModelArch
        from moonshine_voice.transcriber import Transcriber
    except (ImportError, OSError) as error:
        raise EngineMissing(f"Moonshine cannot be loaded ({error}). {CURE}") from error
    return Path(moonshine_voice.__file__).parent / "assets" / "tiny-en", Transcriber, ModelArch.TINY


def voiced_place(voice: NDArray[np.float64], length: int) -> Place | None:
    """From the first to the last voiced sample; `None` with less than `LEAST_VOICE_S` of voice in all."""
    windows = np.flatnonzero(voice >= VOICE_PROBABILITY)
    if len(windows) * WINDOW < LEAST_VOICE_S * RATE_HZ:
        return None
    return int(windows[0]) * WINDOW, min(int(windows[-1] + 1) * WINDOW, length)


def pieces(voice: NDArray[np.float64], length: int) -> list[Place]:
    """The sound cut into pieces of at most `LONGEST_PIECE_S`, each cut in the last third at the best pause.

    `voice` has a probability for each window of `WINDOW` samples; the best pause is where the most windows
    around it are least voiced.
    """
    most = int(LONGEST_PIECE_S * RATE_HZ) // WINDOW
    cuts = [0]
    smooth = np.convolve(voice, np.ones(9) / 9, "same") if len(voice) > 9 else voice
    while len(voice) - cuts[-1] > most:
        earliest = cuts[-1] + 2 * most // 3
        cuts.append(earliest + 1 + int(np.argmin(smooth[earliest + 1 : cuts[-1] + most])))
    edges = [cut * WINDOW for cut in cuts] + [length]
    return [(a, b) for a, b in itertools.pairwise(edges) if b > a]


def loops(words: Sequence[str], times: int = 4) -> bool:
    """Whether the same two or more words come `times` in a row, or one word twice as often."""
    plain = [word.strip(".,?!").lower() for word in words]
    for size in range(1, len(plain) // times + 1):
        need = times * 2 if size == 1 else times
        run = 0
        for i in range(size, len(plain)):
            run = run + 1 if plain[i] == plain[i - size] else 0
            if run >= size * (need - 1):
                return True
    return False
