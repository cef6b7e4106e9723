"""Files that people write: text stays text, and a mistake is told with its file, line and field."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from simulator.errors import ScenarioError, nearest
from simulator.files import Problem, read_yaml, refuse


class Mood(StrEnum):
    CALM = "calm"
    LOW = "low"


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    say: str
    mood: Mood = Mood.CALM
    level: float = Field(1.0, ge=1, le=4)
    yields: bool = True


class Book(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    title: str
    note: str | None = None
    length: int = 1
    lines: tuple[Item, ...] = ()
    by_name: dict[str, Item] = {}

    @model_validator(mode="after")
    def _no_swearing(self) -> Book:
        found = [
            Problem(("lines", i, "say"), "this is rude.") for i, x in enumerate(self.lines) if x.say == "damn"
        ]
        refuse(found, "book")
        return self


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "book.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def message(folder: Path, text: str | bytes) -> str:
    with pytest.raises(ScenarioError) as caught:
        read_yaml(write(folder, text), Book, "book")
    return str(caught.value)


def test_text_stays_text(tmp_path: Path) -> None:
    text = "title: No\nnote: 12:30\nlength: 7\nlines:\n  - say: 0x10\n    level: 2.5\n    yields: no\n"
    text += "  - say: null\n"
    book = read_yaml(write(tmp_path, text), Book, "book")
    assert (book.title, book.note, book.length) == ("No", "12:30", 7)
    assert book.lines[0] == Item(say="0x10", level=2.5, yields=False)
    assert book.lines[1].say == "null"


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    assert read_yaml(write(tmp_path, b"\xef\xbb\xbftitle: a\n"), Book, "book").title == "a"


def test_an_empty_value_of_an_optional_field_is_none(tmp_path: Path) -> None:
    assert read_yaml(write(tmp_path, "title: a\nnote:\n"), Book, "book").note is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: a\ntitle: b\n", ["line 2", "title", "given twice"]),
        ("title: a\nlines:\n  - say: x\n    say: y\n", ["line 4", "lines.0.say", "given twice"]),
        ("title: a\ntitel: b\n", ["line 2", "titel", "Did you mean title?"]),
        ("title: a\nlines:\n  - say: x\n    modd: low\n", ["line 4", "lines.0.modd", "Did you mean mood?"]),
        ("title: a\nby_name:\n  z:\n    sai: x\n", ["line 4", "by_name.z.sai", "Did you mean say?"]),
        ("title: a\nlines:\n  - say: x\n    mood: clam\n", ["line 4", "lines.0.mood", "Did you mean calm?"]),
        (
            "title: a\nlines:\n  - say: x\n    level: 9\n",
            ["line 4", "lines.0.level", "less than or equal to 4"],
        ),
        ("title: a\nlines:\n  - say: x\n    level: high\n", ["line 4", "lines.0.level", "'high'"]),
        ("title: a\nlines:\n  - say: damn\n", ["line 3", "lines.0.say", "this is rude."]),
        ("note: a\n", ["line 1", "the field title is missing"]),
        ("title:\n", ["line 1", "title", "nothing after the colon"]),
        ("title: a\nnote: b: c\n", ["line 2", "double quotes"]),
        ("title: a\nlines:\n\t- say: x\n", ["line 3", "tab"]),
        ('title: "a\nnote: b\n', ["line", "quotation mark"]),
        ("title: a\x00\n", ["line 1", "may not be in a text file"]),
        ("title: a\nlines: &x\n  - *x\n", ["line 2", "anchors"]),
        ("- a\n- b\n", ["line 1", "title"]),
        ("# only this\n", ["comments"]),
        ("", ["empty"]),
        (" \n\n", ["empty"]),
        (b"title: a\nnote: caf\xe9\n", ["line 2", "UTF-8"]),
        ("title: a\n---\ntitle: b\n", ["line 2"]),
        ("? [a]\n: b\n", ["line 1", "must be text"]),
        ("title: " + "[" * 5000, ["nested too deep"]),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str | bytes, said: list[str]) -> None:
    told = message(tmp_path, text)
    assert "book.yaml" in told
    for part in said:
        assert part in told


def test_problems_are_told_in_the_order_of_the_file_and_at_most_five(tmp_path: Path) -> None:
    told = message(tmp_path, "title: a\nlines:\n" + "".join(f"  - oops: {n}\n" for n in range(4)))
    assert "8 problems" in told and "and 3 more" in told
    assert [int(part.split(",")[0].split(":")[0]) for part in told.split("line ")[1:]] == [3, 3, 4, 4, 5]


def test_what_is_not_a_file(tmp_path: Path) -> None:
    write(tmp_path, "title: a\n")
    with pytest.raises(ScenarioError, match=r"Did you mean book\.yaml\?"):
        read_yaml(tmp_path / "bok.yaml", Book, "book")
    with pytest.raises(ScenarioError, match="folder"):
        read_yaml(tmp_path, Book, "book")


def test_the_nearest_name_ignores_case_and_admits_defeat() -> None:
    assert nearest("Coffee-Shop", ["coffee-shop", "park-bench"]) == "coffee-shop"
    assert nearest("zzz", ["coffee-shop", "park-bench"]) is None
