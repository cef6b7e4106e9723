"""What is said in the generated dialogues. The halves `tune` and `report` share no line.

A client line is texts and, between them, written pauses in seconds. What the trainee answers are the
project's own labelled replies to lines of its scenarios; the halves share no line that is replied to.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path

REPLIES = Path(__file__).parents[1] / "tests" / "data" / "replies.tsv"

ClientLine = tuple[str | float, ...]

CONNECTIVES = frozenset(
    {"and", "but", "because", "cause", "so", "or", "if", "when", "that", "which", "who", "where", "while"}
    | {"then", "as", "since", "although", "though", "until"}
)
"""Words that join clauses: people pause before them and after them."""

CLIENT_LINES: dict[str, tuple[ClientLine, ...]] = {
    "tune": (
        ("I don't really know where to start with all of this, it has been a long week for me.",),
        ("My sister called again last night, and I let it ring until it stopped by itself.",),
        ("Most evenings I sit in the kitchen with the light off, and nobody ever asks about it.",),
        ("They gave my shifts to somebody else, and I only heard about it from the cleaner.",),
        ("I keep telling everyone that it is fine, because that is what they want to hear.",),
        ("The doctor said it was nothing, so I suppose I should be happy about that.",),
        ("When I walk past the school I still look for him at the gate.", 1.8, "Every single time."),
        ("I used to paint, you know.", 2.2, "I put everything in boxes when we moved here."),
        ("There is something that I have not told anyone yet.", 2.0, "It happened in the spring."),
        ("I was going to call you on Sunday.", 1.6, "And then I thought that you would be busy anyway."),
    ),
    "report": (
        ("The flat is so quiet since she left that I have the radio on all night long.",),
        ("I went to the group once, and I sat at the back and did not say a word to anybody.",),
        ("My father thinks that I should simply pull myself together and get on with it.",),
        ("At work they have stopped asking me along for lunch, and I can understand why.",),
        ("I have been waking up at four, and then I lie there and count the cars outside.",),
        ("It is not that I want to give up, I am just so tired of trying every single day.",),
        ("The worst part is the weekend.", 1.8, "Then there is no reason at all to get up."),
        ("We had a good summer, before all that.", 2.2, "I did not know that it was the last one."),
        ("I have started to write letters to him.", 2.0, "I never send any of them, of course."),
        ("I said something terrible to her.", 1.6, "And I cannot take it back any more."),
    ),
}

INTERRUPTIONS: dict[str, tuple[str, ...]] = {
    "tune": (
        "Can I say something about that, because I think you are too hard on yourself.",
        "But have you tried to talk to them, before it came to this?",
        "That is really not your fault at all.",
        "The same thing happened to me last year, and in the end it all turned out fine.",
        "When exactly was that?",
        "Hold on a minute, are you telling me that nobody said anything at all?",
        "I would go straight to the manager if I were you, and ask him what he thinks he is doing.",
    ),
    "report": (
        "I really think you should see a doctor, when it has been going on for so long.",
        "But why did you not just call me if you felt so bad?",
        "My mother was exactly like that too.",
        "You have to look at it from his side, because he may be just as sad as you are.",
        "Who in the world told you that?",
        "Let me stop you there, because that is not what happened the last time we met.",
        "You could put all of that in a letter and then never send it to anybody.",
    ),
}
"""What takes the floor; it goes on for a while without a pause."""

BACKCHANNELS: dict[str, tuple[str, ...]] = {
    "tune": ("mm-hm", "yeah", "right", "okay", "I see", "hmm"),
    "report": ("mm-hm", "yeah", "mm", "yes", "oh", "uh-huh"),
}

FILLED_PAUSES = ("um", "uh", "um", "uhm")


@cache
def turns(half: str) -> tuple[str, ...]:
    """What the trainee answers: replies of 4 to 40 words, without filled pauses, dashes and digits.

    Every other line that is replied to belongs to `tune`, the rest to `report`.
    """
    with REPLIES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    lines = sorted({(row["scenario"], row["line"]) for row in rows})
    mine = set(lines[(0 if half == "tune" else 1) :: 2])
    texts = [row["reply"] for row in rows if (row["scenario"], row["line"]) in mine]
    unfit = re.compile(r"\b(?:u+h+m*|u+m+|e+r+m*|m+h*m*|h+m+)\b|[\d\u2014\u2013:;()]|-\s|\.\.", re.IGNORECASE)
    return tuple(text for text in texts if 4 <= len(text.split()) <= 40 and not unfit.search(text))


def places(words: tuple[str, ...]) -> dict[str, list[int]]:
    """After how many words a thinking pause may lie: at the end of a "sentence", between two "clauses"
    (before or after the word that joins them), or "inside" of one."""
    found: dict[str, list[int]] = {"sentence": [], "clause": [], "inside": []}
    plain = [re.sub(r"[^a-z']", "", word.lower()) for word in words]
    for count in range(1, len(words)):
        if words[count - 1][-1] in ".?!":
            kind = "sentence"
        elif words[count - 1][-1] == "," or CONNECTIVES & {plain[count - 1], plain[count]}:
            kind = "clause"
        else:
            kind = "inside"
        found[kind].append(count)
    return found
