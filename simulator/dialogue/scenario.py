"""Scenario files: who the client is, what they could say, and three trainees who show how it can go.

A text holds written pauses in square brackets, in seconds: "I haven't [1.5] told anyone." A line is about its
`topics` and may lead to others; it is said only when one of its topics was touched and the client's trust
has reached its `disclosure`. A line without topics may be said at any time.
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from simulator.errors import ScenarioError, did_you_mean
from simulator.files import read_yaml, refuse
from simulator.settings import data_folder, shipped

DISCLOSURE_LEVEL = 2.5
"""A line of at least this level trusts the trainee with something: a disclosure."""

BETTER_LEVEL = 2.0
"""From this level on a line needs an author-written model reply, which the coach falls back on."""

BOLDEST_STEP = 1.5
"""How far above the deepest line said so far the next may be (convention)."""

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.3, 4.0
FEWEST_LINES, FEWEST_LEVELS = 12, 3
TRAINEES = ("warm", "fixing", "rushing")
"""The simulated trainees that every scenario brings; it may bring others too."""

_PAUSE = re.compile(r"\[\s*(\d+(?:\.\d+)?)\s*\]")


class Mood(StrEnum):
    """How a line sounds; each voice profile says what it does with it."""

    CALM = "calm"
    LOW = "low"
    ANXIOUS = "anxious"
    ANGRY = "angry"
    TEARFUL = "tearful"
    HOPEFUL = "hopeful"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Line(_Part):
    """Something the client could say."""

    id: str = Field(min_length=1, pattern=r"^[a-z0-9][a-z0-9-]*$", description="lower case, digits, hyphens")
    say: str = Field(min_length=1, description="the words, with written pauses in seconds: [1.5]")
    mood: Mood = Field(Mood.CALM, description="how it sounds")
    disclosure: float = Field(
        1.0, ge=1, le=4, multiple_of=0.5, description="the trust it needs: 1 small talk, 4 what hurts most"
    )
    topics: tuple[str, ...] = Field((), description="what it is about; none: it may be said at any time")
    leads_to: tuple[str, ...] = Field((), description="topics it brings up besides its own")
    feelings: tuple[str, ...] = Field((), description="feelings that can be heard in it, said or not")
    yields: bool = Field(True, description="whether the client falls silent when the trainee takes the floor")
    better: str | None = Field(None, description="what a warm, unhurried peer might answer to it")

    @property
    def text(self) -> str:
        """The words without the pauses."""
        return " ".join(part for part in parts(self) if isinstance(part, str))


class Farewell(Line):
    """A line that ends the conversation, chosen by how much trust there is then."""

    trust: float = Field(1.0, ge=1, le=4, description="said when trust is at least this; the highest wins")


class Client(_Part):
    """Who the client is. Said to nobody but the author and the trainee's debriefing."""

    name: str = Field(min_length=1)
    situation: str = Field(min_length=1, description="what has happened, in a sentence or two")
    feels: str = Field(min_length=1, description="what they feel")
    needs: str = Field(min_length=1, description="what they need from a peer")
    voice: str = Field(min_length=1, description="the name of a voice profile")


class Aside(_Part):
    """Something a simulated trainee says while the client's line goes on."""

    say: str = Field(min_length=1)
    at_s: float = Field(0.0, ge=0, description="seconds from the line's start, or from the start of `pause`")
    pause: int | None = Field(
        None, ge=1, description="in the line's first (1), second (2), ... written pause"
    )


class Reply(_Part):
    """What a simulated trainee answers. An empty `say` is silence."""

    say: str = Field(description="the words, with pauses in seconds: [0.8]")
    after_s: float = Field(0.6, ge=-5, le=20, description="from the client's end; below 0 it overlaps")
    during: tuple[Aside, ...] = Field((), description="what is said while the client speaks")


class Trainee(_Part):
    """A simulated trainee: answers to lines by id, and others in turn for lines without one."""

    manner: str = Field(min_length=1, description="how this trainee listens, in a sentence")
    replies: dict[str, Reply] = Field(default_factory=dict)
    otherwise: tuple[Reply, ...] = Field(min_length=1)

    def is_written_for(self, line: str) -> bool:
        """Whether there is a reply to that very line."""
        return line in self.replies

    def reply_to(self, line: str, others: int) -> Reply:
        """The reply to a line, where `others` earlier lines had no reply of their own."""
        return self.replies.get(line) or self.otherwise[others % len(self.otherwise)]

    def all_replies(self) -> tuple[Reply, ...]:
        """Everything this trainee could answer."""
        return (*self.replies.values(), *self.otherwise)


class Scenario(_Part):
    """One role-play: a client, what they could say, and who could be listening."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", description="the file's name without .yaml")
    title: str = Field(min_length=1)
    language: str = Field("en", description="the language's folder")
    place: str = Field(min_length=1, description="where it happens")
    content_note: str | None = Field(None, description="what may be heavy to hear")
    situation: str = Field(min_length=1, description="read to the trainee before the first line")
    length: int = Field(ge=2, le=30, description="exchanges after which the client winds up")
    client: Client
    topics: dict[str, tuple[str, ...]] = Field(description="topic to the trainee's words that touch it")
    opening: str = Field(description="the id of the first line")
    lines: tuple[Line, ...] = Field(min_length=FEWEST_LINES)
    discomfort: tuple[Line, ...] = Field(min_length=1, description="when a topic is touched too early")
    interrupted: tuple[Line, ...] = Field(min_length=1, description="after being cut off")
    lapse: tuple[Line, ...] = Field(min_length=1, description="when nobody has spoken for long")
    farewell: tuple[Farewell, ...] = Field(min_length=1, description="the last thing said")
    trainees: dict[str, Trainee]

    @model_validator(mode="after")
    def _hangs_together(self) -> Scenario:
        from simulator.dialogue.coherence import problems  # it checks this module's types: a late import

        refuse(problems(self), "scenario")
        return self

    def all_lines(self) -> tuple[Line, ...]:
        """Everything the client could say."""
        return tuple(line for _, lines in self.groups() for line in lines)

    def groups(self) -> tuple[tuple[str, tuple[Line, ...]], ...]:
        """The lines by the field they stand in."""
        return (
            ("lines", self.lines),
            ("discomfort", self.discomfort),
            ("interrupted", self.interrupted),
            ("lapse", self.lapse),
            ("farewell", self.farewell),
        )

    def line(self, id: str) -> Line:
        """The line of that id.

        Raises:
            ScenarioError: there is none.
        """
        for line in self.all_lines():
            if line.id == id:
                return line
        known = did_you_mean(id, (line.id for line in self.all_lines()))
        raise ScenarioError(f"The scenario {self.id} has no line {id}.{known}")

    def trainee(self, name: str) -> Trainee:
        """The simulated trainee of that name.

        Raises:
            ScenarioError: there is none.
        """
        if name not in self.trainees:
            known = did_you_mean(name, self.trainees)
            raise ScenarioError(f"The scenario {self.id} has no trainee {name}.{known}")
        return self.trainees[name]


def parts_of(text: str) -> tuple[str | float, ...]:
    """A written text as words and pauses (seconds), in order: ("I haven't", 1.5, "told anyone.")."""
    found: list[str | float] = []
    for index, piece in enumerate(_PAUSE.split(text)):
        if index % 2:
            found.append(float(piece))
        elif piece.strip():
            found.append(" ".join(piece.split()))
    return tuple(found)


def parts(line: Line) -> tuple[str | float, ...]:
    """A line as words and pauses (seconds), in order."""
    return parts_of(line.say)


def scenario_names() -> tuple[str, ...]:
    """The names of the scenarios there are: the shipped ones and the user's own, without repeats."""
    return tuple(sorted(_files()))


def _files() -> dict[str, Path]:
    """Scenario files by name; the user's own win over shipped ones of the same name."""
    folders = (shipped("scenarios"), data_folder() / "scenarios")
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.yaml"))}


def load_scenario(name_or_path: str | Path) -> Scenario:
    """The scenario of that name, or in that file (anything that ends in .yaml, .yml or has a folder in it).

    Raises:
        ScenarioError: there is none, or its file cannot be used; the nearest name is offered.
    """
    given = str(name_or_path)
    if isinstance(name_or_path, Path) or given.endswith((".yaml", ".yml")) or "/" in given:
        path = Path(given).expanduser()
    else:
        known = _files()
        if given not in known:
            raise ScenarioError(f"There is no scenario {given}.{did_you_mean(given, known)}")
        path = known[given]
    scenario = read_yaml(path, Scenario, "scenario")
    if scenario.id != path.stem:
        raise ScenarioError(
            f"The scenario file cannot be used. {path}, id: it is {scenario.id}, but the file is named "
            f"{path.stem}. Make them the same."
        )
    return scenario


def usable_scenarios() -> tuple[tuple[Scenario, ...], tuple[ScenarioError, ...]]:
    """The scenarios whose files can be used, and what is wrong with the others: one that is half written
    hides none of the rest."""
    found: list[Scenario] = []
    wrong: list[ScenarioError] = []
    for name in scenario_names():
        try:
            found.append(load_scenario(name))
        except ScenarioError as error:
            wrong.append(error)
    return tuple(found), tuple(wrong)


def schema() -> dict[str, Any]:
    """The JSON schema of scenario files, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Scenario.model_json_schema()}
