"""Speak labelled replies through the real voices and write down what the recogniser makes of them.

scripts/speak_replies.py [--replies FILE] [--to FILE] [--part train|test|all] [--share 0.5] [--seed N]

Every reply is spoken by one of the voice profiles and moods, drawn by seed, and cut as a rehearsal cuts it.
The result (id, voice, heard) is what the phrase judge is trained with and measured on, beside the written
replies. A file that is there already is gone on with.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from random import Random

from bench_words import MARGIN_S, RATE, cut, distance, normal

from simulator.audio.sound import join, resample, silence
from simulator.speech import Voice, transcribe
from simulator.speech.engines import choose, open_transcriber
from simulator.speech.voices import load_profile, open_voice

DATA = Path(__file__).parents[1] / "tests" / "data"
PROFILES = ("trainee", "maya", "daniel", "rosa", "robot", "coach")


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a tab-separated file with a header."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def main() -> int:
    """Speak what is wanted and not yet there."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--replies", type=Path, default=DATA / "replies.tsv")
    options.add_argument("--to", type=Path, default=DATA / "replies_heard.tsv")
    options.add_argument("--part", choices=("train", "test", "all"), default="all")
    options.add_argument("--share", type=float, default=0.5)
    options.add_argument("--seed", type=int, default=7)
    given = options.parse_args()
    rows = [row for row in rows_of(given.replies) if given.part in ("all", row["part"])]
    chosen = Random(given.seed).sample(rows, round(given.share * len(rows)))
    done = {row["id"] for row in rows_of(given.to)} if given.to.exists() else set()
    profiles = {name: load_profile(name) for name in PROFILES}
    voices: dict[str, Voice] = {}
    errors = words = 0
    new = not given.to.exists()
    with given.to.open("a", encoding="utf-8") as file, open_transcriber(choose("auto")) as transcriber:
        if new:
            file.write("id\tvoice\theard\n")
        for number, row in enumerate(chosen, 1):
            if row["id"] in done:
                continue
            random = Random(f"{given.seed} {row['id']}")
            profile = profiles[random.choice(PROFILES)]
            mood = random.choice(sorted(profile.moods))
            voice = voices.setdefault(profile.voice, open_voice(profile.voice))
            spoken = resample(voice.speak(row["reply"], profile.manner_in(mood)), RATE)
            sound = join([silence(2 * MARGIN_S, RATE), spoken, silence(0.6, RATE)], RATE)
            heard = " ".join(
                transcribe(transcriber, sound.cut(span), span.start).text for span in cut(sound, 0.4)
            ).strip()
            file.write(f"{row['id']}\t{profile.name} {mood}\t{heard}\n")
            file.flush()
            errors += distance(normal(row["reply"]), normal(heard))
            words += len(normal(row["reply"]))
            if number % 25 == 0:
                print(f"{number} of {len(chosen)}, word error {errors / words:.3f}", file=sys.stderr)
    for voice in voices.values():
        voice.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
