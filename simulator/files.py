"""Files that people write. Text stays text, and a mistake is told with its file, line and field.

Every scalar is read as a string: `say: No` is not `False` and `12:30` is not 750. What a model declares as a
number or as yes or no is parsed from that string. Duplicate keys, unknown fields, and anchors are refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from simulator.errors import ScenarioError, did_you_mean, nearest

M = TypeVar("M", bound=BaseModel)
Loc = tuple[int | str, ...]

MOST_PROBLEMS = 5
"""A message names this many problems; the rest are counted."""


class Problem(NamedTuple):
    """Something wrong at a place in a file: `loc` is the path to the field, `what` a phrase for people."""

    loc: Loc
    what: str


class _Bad(Exception):
    """The text is not YAML of our kind. Carries the line (from 1) and the phrase."""

    def __init__(self, line: int | None, what: str, field: str = "") -> None:
        super().__init__(what)
        self.line, self.what, self.field = line, what, field


def refuse(problems: Sequence[Problem], title: str) -> None:
    """For a model's validator: reports each problem at its own field. Nothing happens where there are none.

    Raises:
        ValidationError: with one entry for each problem.
    """
    if not problems:
        return
    details: list[InitErrorDetails] = [
        {"type": PydanticCustomError("problem", "{what}", {"what": p.what}), "loc": p.loc, "input": None}
        for p in problems
    ]
    raise ValidationError.from_exception_data(title, details)


def read_yaml(path: Path, model: type[M], kind: str) -> M:
    """The file as a `model`. `kind` is what people call such a file ("scenario").

    Raises:
        ScenarioError: the file is missing or unreadable, is not YAML, or does not fit the model. The message
            names file, line and field, up to five problems, and for an unknown name the nearest valid one.
    """
    text = _read_text(path, kind)
    try:
        root = _compose(text)
        data = _plain(root, set(), ())
    except _Bad as bad:
        place = (
            f"{path}" + (f", line {bad.line}" if bad.line else "") + (f", {bad.field}" if bad.field else "")
        )
        raise ScenarioError(f"The {kind} file cannot be read. {place}: {bad.what}") from bad
    if not isinstance(data, dict):
        raise ScenarioError(
            f"The {kind} file {path}, line 1: it must be made of fields (`name: value`), starting with "
            f"{', '.join(list(model.model_fields)[:3])}."
        )
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ScenarioError(_report(path, kind, model, root, error)) from error


def _read_text(path: Path, kind: str) -> str:
    """The file's text.

    Raises:
        ScenarioError: it cannot be had, and why.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        near = nearest(path.name, (p.name for p in path.parent.glob("*.yaml")))
        hint = f" Did you mean {near}?" if near else " Check the name and the folder."
        raise ScenarioError(f"There is no {kind} file {path}.{hint}") from error
    except IsADirectoryError as error:
        raise ScenarioError(f"{path} is a folder, not a {kind} file. Name a file inside it.") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ScenarioError(
            f"The {kind} file {path}, line {line}: this is not UTF-8 text. Save the file as UTF-8."
        ) from error
    except OSError as error:
        raise ScenarioError(
            f"The {kind} file {path} cannot be read: {error.strerror}. Check its permissions."
        ) from error
    if not text.strip():
        raise ScenarioError(f"The {kind} file {path} is empty. Start from one of those that are shipped.")
    return text


def _compose(text: str) -> yaml.Node:
    """The text as a tree of nodes with their places."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        if "'\\t'" in (error.problem or ""):
            raise _Bad(line, "there is a tab. Indent with spaces.") from error
        raise _Bad(line, f"{error.problem or error.context}.{_cure(error.problem or '')}") from error
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise _Bad(line, f"a character that may not be in a text file ({error.character!r}).") from error
    except RecursionError as error:
        raise _Bad(None, "fields are nested too deep.") from error
    if node is None:
        raise _Bad(None, "there is nothing in it but comments. Start from one of those that are shipped.")
    return node


def _cure(problem: str) -> str:
    """What most often helps against a complaint of the YAML reader."""
    if "mapping values are not allowed" in problem or "could not find expected ':'" in problem:
        return " Put text that contains a colon in double quotes, and check the indentation."
    if "block end" in problem or "block mapping" in problem or "block collection" in problem:
        return " Check the indentation and the quotes of the lines above."
    if "quoted scalar" in problem or "end of stream" in problem:
        return " A quotation mark may be missing."
    return " Put text with special characters in double quotes."


def _plain(node: yaml.Node, seen: set[int], loc: Loc) -> Any:
    """The node as dicts, lists and strings; a value left empty is `None`."""
    line, field = node.start_mark.line + 1, ".".join(map(str, loc))
    if id(node) in seen:
        raise _Bad(line, "anchors (&name, *name) are not supported. Write the value out.", field)
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        return None if node.style is None and node.value == "" else node.value
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, seen, (*loc, index)) for index, item in enumerate(node.value)]
    found: dict[str, Any] = {}
    for key, value in node.value:
        key_line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise _Bad(key_line, "a field's name must be text.", field)
        path = (*loc, key.value)
        if key.value in found:
            raise _Bad(
                key_line, f"the field {key.value} is given twice. Remove one.", ".".join(map(str, path))
            )
        found[key.value] = _plain(value, seen, path)
    return found


def _line_of(root: yaml.Node, loc: Loc) -> int:
    """The line (from 1) of the field at `loc`, or of the nearest thing around it that exists."""
    node, line = root, root.start_mark.line + 1
    for part in loc:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    node, line = value, key.start_mark.line + 1
                    break
    return line


def _model_at(model: type[BaseModel], loc: Loc) -> type[BaseModel] | None:
    """The model whose fields live at `loc`, found by walking annotations; `None` where there is none."""
    kind: Any = model
    for part in loc:
        inner = _inner_model(kind)
        if inner is not None and inner is kind and part in inner.model_fields:
            kind = inner.model_fields[str(part)].annotation
        elif get_args(kind):
            options = [a for a in get_args(kind) if a not in (type(None), Ellipsis)]
            kind = options[-1] if options else None
    return _inner_model(kind)


def _inner_model(kind: Any) -> type[BaseModel] | None:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    for option in get_args(kind):
        found = _inner_model(option)
        if found is not None:
            return found
    return None


def _report(path: Path, kind: str, model: type[BaseModel], root: yaml.Node, error: ValidationError) -> str:
    """The message: every problem with its line and field, in the order of the file."""
    told = sorted(
        ((_line_of(root, entry["loc"]), entry["loc"], _phrase(model, entry)) for entry in error.errors()),
        key=lambda item: item[0],
    )
    shown = []
    for line, loc, what in told[:MOST_PROBLEMS]:
        field = ".".join(str(part) for part in loc if part != "[key]")
        shown.append(f"{path}, line {line}{', ' + field if field else ''}: {what}")
    more = len(told) - len(shown)
    if len(shown) == 1:
        return f"The {kind} file cannot be used. {shown[0]}"
    rest = f"\n  and {more} more" if more else ""
    return f"The {kind} file cannot be used. There are {len(told)} problems:\n  " + "\n  ".join(shown) + rest


def _phrase(model: type[BaseModel], entry: Any) -> str:
    """One of pydantic's complaints in words for people, with the nearest valid name."""
    sort, given, name = entry["type"], entry.get("input"), str(entry["loc"][-1]) if entry["loc"] else ""
    if sort == "extra_forbidden":
        owner = _model_at(model, entry["loc"][:-1])
        return f"there is no field {name} here." + did_you_mean(name, owner.model_fields if owner else ())
    if sort == "missing":
        return f"the field {name} is missing. Add it."
    if sort in ("enum", "literal_error"):
        known = re.findall(r"'([^']*)'", str(entry.get("ctx", {}).get("expected", "")))
        return f"{given!r} is not known." + did_you_mean(str(given), known)
    if given is None and sort != "problem":
        return "there is nothing after the colon. Give a value or remove the field."
    message = str(entry["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:] if message.startswith("Input") else message
    shown = f" (it is {given!r})" if isinstance(given, str) and sort != "problem" else ""
    return f"{message}{shown}{'' if message.endswith(('.', '?')) and not shown else '.'}"
