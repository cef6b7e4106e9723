"""Train the weights of `simulator/language/endings.py`: scripts/train_endings --data FOLDER [--seed N]

FOLDER holds transcribed talk: `annomi.csv` (AnnoMI, Wu et al. 2022 and 2023) with columns video_id, text and
client_before. A fifth of the videos is kept apart and told as area under the curve; then all are trained on,
with the lines of the project's scenarios and its own replies of the half `tune` (those of the half `report`
are never seen; their area under the curve is told too).
Positive: the words up to the end of a sentence. Negative: up to a place inside one, `JUNCTURE_SHARE` of them
between clauses. Half of the examples get word errors, some only their last words, as a recogniser would give.
Needs scikit-learn, which the program itself does not.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from random import Random

import numpy as np
from dialogue_lines import CONNECTIVES, turns
from dialogues import JUNCTURE_SHARE

from simulator.dialogue.scenario import load_scenario
from simulator.language.endings import BUCKETS, LONGEST, bucket, features
from simulator.settings import shipped

LANGUAGE = "en"
NOISE, EXAMPLES = 0.1, 160_000
OWN_TIMES = 15
"""How often each of the project's own texts counts: they are few, and what is said here."""

Words = list[str]


def plain(text: str) -> Words:
    return re.findall(r"[\w']+", text.lower().replace("’", "'"))


def examples(text: str) -> tuple[list[Words], list[Words], list[Words]]:
    """Words up to ends of sentences, up to places between clauses, and up to places inside clauses."""
    whole: list[Words] = []
    clause: list[Words] = []
    inside: list[Words] = []
    before: Words = []
    for sentence in re.split(r"(?<=[.?!])\s+", re.sub(r"\[[^\]]*\]|\([^)]*\)", " ", text)):
        pieces = [piece for piece in sentence.split() if plain(piece)]
        words: Words = []
        for number, piece in enumerate(pieces):
            words = words + plain(piece)
            if number + 1 < len(pieces):
                joins = CONNECTIVES & {words[-1], plain(pieces[number + 1])[0]}
                (clause if joins or piece[-1] in ",;:-" else inside).append((before + words)[-LONGEST:])
        broken_off = re.search(r"(-|\.\.|…)[\"')]?[.?!]?$", sentence.strip())
        if words and sentence.strip()[-1:] in ".?!" and not broken_off:
            whole.append((before + words)[-LONGEST:])
        before = before + words
    return whole, clause, inside


def collect(rows: list[dict[str, str]]) -> tuple[list[Words], list[Words], list[Words]]:
    found: tuple[list[Words], list[Words], list[Words]] = ([], [], [])
    for row in rows:
        for column in ("text", "client_before"):
            for pool, more in zip(found, examples(row[column]), strict=True):
                pool += more
    return found


def as_rows(texts: Iterable[str]) -> list[dict[str, str]]:
    return [{"text": text, "client_before": ""} for text in texts]


def scenario_lines() -> list[str]:
    """What the clients of the shipped scenarios say, and the answers that are called better."""
    found: list[str] = []
    for path in sorted(shipped("scenarios").glob("*.yaml")):
        for line in load_scenario(path).lines:
            found += [re.sub(r"\[[^\]]*\]", "", line.say), *([line.better] if line.better else [])]
    return found


def draw(
    pools: tuple[list[Words], list[Words], list[Words]], count: int, random: Random, noisy: bool
) -> tuple[list[Words], list[int]]:
    vocabulary = [word for words in pools[0] for word in words]
    shares = (0.5, 0.5 * JUNCTURE_SHARE, 0.5 * (1 - JUNCTURE_SHARE))
    texts: list[Words] = []
    labels: list[int] = []
    for pool, share, label in zip(pools, shares, (1, 0, 0), strict=True):
        for words in random.choices(pool, k=round(count * share)):
            if noisy and random.random() < 0.5:
                words = [random.choice(vocabulary) if random.random() < NOISE else word for word in words]
            if noisy and random.random() < 0.3:
                words = words[-random.randint(3, 12) :]
            texts.append(words)
            labels.append(label)
    return texts, labels


def matrix(texts: list[Words]):  # type: ignore[no-untyped-def]
    from scipy.sparse import csr_matrix

    columns = [[bucket(name) for name in features(words, LANGUAGE)] for words in texts]
    starts = np.cumsum([0, *(len(row) for row in columns)])
    flat = [column for row in columns for column in row]
    return csr_matrix((np.ones(len(flat), np.float32), flat, starts), shape=(len(texts), BUCKETS))


def main() -> int:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    options = argparse.ArgumentParser(
        prog="scripts/train_endings",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--regularisation", type=float, default=0.03)
    options.add_argument("--to", type=Path, default=Path("simulator/language/en/endings.npz"))
    given = options.parse_args()
    with (given.data / "annomi.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    random = Random(given.seed)
    videos = sorted({row["video_id"] for row in rows})
    kept = set(random.sample(videos, len(videos) // 5))

    def fit(chosen: list[dict[str, str]]):  # type: ignore[no-untyped-def]
        texts, labels = draw(collect(chosen), EXAMPLES, random, noisy=True)
        return LogisticRegression(C=given.regularisation, max_iter=300).fit(matrix(texts), labels)

    trial = fit([row for row in rows if row["video_id"] not in kept])
    pools = collect([row for row in rows if row["video_id"] in kept])
    for name, noisy in (("clean", False), ("with word errors", True)):
        texts, labels = draw(pools, 6000, random, noisy)
        score = roc_auc_score(labels, trial.decision_function(matrix(texts)))
        print(f"{len(kept)} videos kept apart, {name}: area under the curve {score:.3f}")
    unseen = collect(as_rows(turns("report")))
    for name, more in (("without", []), ("with", as_rows((*turns("tune"), *scenario_lines())) * OWN_TIMES)):
        final = fit([*rows, *more])
        texts, labels = draw(unseen, 6000, random, noisy=False)
        score = roc_auc_score(labels, final.decision_function(matrix(texts)))
        print(f"own replies never seen, trained {name} own texts: area under the curve {score:.3f}")
    values = final.coef_[0]
    scale = float(np.abs(values).max()) / 127
    np.savez_compressed(
        given.to,
        weights=np.rint(values / scale).astype(np.int8),
        scale=np.float32(scale),
        bias=np.float32(final.intercept_[0]),
    )
    print(f"{given.to}: {given.to.stat().st_size} bytes, {np.count_nonzero(np.rint(values / scale))} weights")
    return 0


if __name__ == "__main__":
    sys.exit(main())
