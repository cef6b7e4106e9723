"""How well and how fast words are recognised, by each transcriber on this machine.

word_error          substitutions, insertions and deletions for a spoken word, over all words of a condition
word_time_error_ms  where the first word of a sentence is put, against where it was spoken (size of the error)
real_time_factor    seconds until the words are there, for a second of sound, after the whole of it was fed
load_s, memory_mb   start of the engine's process; its proportional or resident set size after the work

Conditions: `human` recordings and `synthesised` trainee lines, cut as a rehearsal cuts them (speech found by
the detector, 0.2 s of margin, a cut at 0.4 s of silence); `whole`: not cut at all; `split`: cut at every
0.2 s of silence.

Words are compared in lower case without punctuation, hyphens as spaces, numbers up to 99 and
"Mr", "Mrs", "Dr", "OK" and "all right" as they are said. Nothing else is forgiven.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from bench_common import Figure, arguments, report

from simulator.audio.sound import Sound, join, read_wav, resample, silence
from simulator.audio.span import Span, to_samples
from simulator.errors import SimulatorError
from simulator.speech import Transcriber, Word, transcribe
from simulator.speech.engines import choose, open_detector, open_transcriber
from simulator.speech.voices import open_voice

RATE = 16_000
MARGIN_S = 0.2
ONSET_S = 0.1
CUTS_S = {"": 0.4, " split": 0.2}
VOICES = ("hibari:heart", "pyttsx3:en-us")
BAR = "<= 0.08"

TRAINEE_LINES = (
    "It sounds like the days feel long and tiring. What is it like for you?",
    "I'm really glad to see you. How have you been lately?",
    "Thank you for telling me. That must have been so hard.",
    "You feel torn, because you want to be there for her and you are worn out.",
    "Take your time. I am not in a hurry.",
    "What would help you most right now?",
    "Have you tried talking to your doctor about it?",
    "At least you still have your job.",
    "I went through something like that myself, so I know a little of how it feels.",
    "Why did you not just tell him?",
    "Would it be all right if I told you what helped me?",
    "So part of you is angry, and another part just wants to sleep.",
    "I can hear how much you miss them.",
    "You should really get more exercise and go to bed earlier.",
)

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_AS_SAID = {"mr": "mister", "mrs": "missus", "dr": "doctor", "ok": "okay", "alright": "all right"}


@dataclass(frozen=True)
class Clip:
    """A sound and the words in it. `onsets`: the sample a word begins at, by its place in the text."""

    sound: Sound
    text: str
    onsets: dict[int, int] = field(default_factory=dict)


@dataclass
class Score:
    """Sums over the clips of one condition."""

    errors: int = 0
    words: int = 0
    clips: int = 0
    real_time: list[float] = field(default_factory=list)
    time_errors_ms: list[float] = field(default_factory=list)


def normal(text: str) -> list[str]:
    """The words of a text as they are compared; see the module's docstring."""
    plain = re.sub(r"[^a-z0-9' ]", " ", text.lower().replace("’", "'"))
    words = [word.strip("'") for word in plain.split()]
    said = " ".join(_AS_SAID.get(word, number(word)) for word in words if word)
    return said.split()


def number(word: str) -> str:
    """Digits as they are said, up to 99; other words as they are."""
    if not word.isdigit() or int(word) > 99:
        return word
    value = int(word)
    if value < 20:
        return _ONES[value]
    return _TENS[value // 10 - 2] + (f" {_ONES[value % 10]}" if value % 10 else "")


def distance(said: Sequence[str], heard: Sequence[str]) -> int:
    """Words to substitute, insert or delete (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for i, one in enumerate(said, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (one != other))
    return row[-1]


def cut(sound: Sound, silence_s: float) -> list[Span]:
    """The stretches a rehearsal would hand over: speech by the detector, cut at `silence_s`, with margins."""
    spans: list[Span] = []
    for decision in open_detector().detect(sound.samples):
        if decision.probability < 0.5:
            continue
        if spans and spans[-1].gap_to(decision.span) < to_samples(silence_s, RATE):
            spans[-1] |= decision.span
        else:
            spans.append(decision.span)
    margin, onset = to_samples(MARGIN_S, RATE), to_samples(ONSET_S, RATE)
    return [Span(max(0, s.start - margin), min(len(sound), s.end + margin)) for s in spans if len(s) >= onset]


def hear(transcriber: Transcriber, clip: Clip, spans: Sequence[Span], score: Score) -> None:
    """Transcribe the clip's spans one after the other and add to the score."""
    words: list[Word] = []
    for span in spans:
        began = time.perf_counter()
        words += transcribe(transcriber, clip.sound.cut(span), span.start).words
        score.real_time.append((time.perf_counter() - began) / (len(span) / RATE))
    said, heard = normal(clip.text), normal(" ".join(word.text for word in words))
    score.errors += distance(said, heard)
    score.words += len(said)
    score.clips += 1
    # Times are compared only where every word is right: else there is no saying which word is which.
    if clip.onsets and [normal(w.text) for w in words] == [[w] for w in said]:
        for place, onset in clip.onsets.items():
            score.time_errors_ms.append(abs(words[place].span.start - onset) * 1000 / RATE)


def human(folder: Path) -> list[Clip]:
    """The recordings in `folder`: those its manifest.tsv names."""
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [Clip(resample(read_wav(folder / row["file"]), RATE), row["text"]) for row in rows]


def synthesised(voice: str) -> list[Clip]:
    """The trainee lines in pairs, 0.3 s apart: where each begins is known to the sample."""
    quiet = to_samples(0.4, RATE)
    clips = []
    with open_voice(voice) as speaker:
        sounds = [resample(speaker.speak(line), RATE) for line in TRAINEE_LINES]
    for i in range(0, len(sounds), 2):
        first, second = sounds[i], sounds[i + 1]
        sound = join([silence(0.4, RATE), first, silence(0.3, RATE), second, silence(0.6, RATE)], RATE)
        onsets = {
            0: quiet,
            len(normal(TRAINEE_LINES[i])): quiet + len(first) + to_samples(0.3, RATE),
        }
        clips.append(Clip(sound, f"{TRAINEE_LINES[i]} {TRAINEE_LINES[i + 1]}", onsets))
    return clips


def measure(name: str, sets: dict[str, list[Clip]], default: bool) -> list[Figure]:
    """All figures of one transcriber."""
    began = time.perf_counter()
    with open_transcriber(name) as transcriber:
        transcribe(transcriber, silence(0.1, RATE))
        figures = [Figure.of("load_s", "mean", [time.perf_counter() - began], None, name)]
        for set_name, clips in sets.items():
            for ending in ("", " whole", " split"):
                print(f"{name}: {set_name}{ending} ...", file=sys.stderr)
                score = Score()
                for clip in clips:
                    whole = [Span(0, len(clip.sound))]
                    hear(
                        transcriber,
                        clip,
                        whole if ending == " whole" else cut(clip.sound, CUTS_S[ending]),
                        score,
                    )
                bar = BAR if default and set_name == "human" and not ending else None
                figures += figures_of(score, f"{name} {set_name}{ending}", bar)
        figures.append(Figure.of("memory_mb", "max", [memory_mb(transcriber)], None, name))
    return figures


def figures_of(score: Score, condition: str, bar: str | None) -> list[Figure]:
    """What a score comes to."""
    error = round(score.errors / score.words, 4) if score.words else None
    why = None if error is not None else "there were no words"
    figures = [
        Figure("word_error", condition, "share", error, score.words, bar, why),
        Figure.of("real_time_factor", "mean", score.real_time, None, condition),
    ]
    if score.time_errors_ms:
        figures += [
            Figure.of("word_time_error_ms", statistic, score.time_errors_ms, None, condition)
            for statistic in ("median", "p95")
        ]
    return figures


def memory_mb(transcriber: Transcriber) -> float:
    """Of the engine's process: proportional set size where the system tells it, else resident."""
    worker = getattr(transcriber, "worker", None)
    if worker is None or worker.pid is None:
        return float("nan")
    info = psutil.Process(worker.pid).memory_full_info()
    return float(getattr(info, "pss", info.rss)) / 1e6


def sets_of(options: argparse.Namespace) -> tuple[dict[str, list[Clip]], list[Figure]]:
    """The clips by condition, and a figure for each condition that cannot be had."""
    sets: dict[str, list[Clip]] = {}
    missing: list[Figure] = []
    wanted: list[tuple[str, Callable[[], list[Clip]]]] = [
        (f"synthesised {voice}", lambda voice=voice: synthesised(voice))  # type: ignore[misc]
        for voice in VOICES
    ]
    if options.data is not None:
        wanted.insert(0, ("human", lambda: human(options.data)))
    else:
        missing.append(
            Figure("word_error", "human", "share", None, 0, BAR, "no recordings: give --data FOLDER")
        )
    for name, make in wanted:
        try:
            sets[name] = make()
        except (SimulatorError, OSError, KeyError) as error:
            missing.append(Figure("word_error", name, "share", None, 0, None, str(error)))
    return sets, missing


def main(argv: Iterable[str] | None = None) -> int:
    """Measure every transcriber that can be opened here; `--strict` looks at the default one's bar."""
    options = arguments("words", __doc__ or "", argv)
    sets, figures = sets_of(options)
    default = choose("auto")
    for name in ("moonshine", "vosk"):
        try:
            figures += measure(name, sets, name == default)
        except SimulatorError as error:
            bar = BAR if name == default else None
            figures.append(Figure("word_error", name, "share", None, 0, bar, str(error)))
    data = [options.data.name] if options.data is not None else []
    return report("words", figures, options, data)


if __name__ == "__main__":
    sys.exit(main())
