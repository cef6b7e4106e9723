"""Whether a scenario hangs together: names that exist, texts that can be spoken, lines that can be reached.

Reachable is the opening; every line without topics; and every line one of whose topics is a topic of, or is
led to by, a reachable line that trusts no more than it does (its `disclosure` is not higher). So a client can
always get there by themselves, with nobody guessing the right word. Nor does a client leap: what comes next
is at most 1.5 above the deepest line said, so each level needs a reachable line within 1.5 below it.
"""

from __future__ import annotations

from simulator.dialogue.scenario import (
    BETTER_LEVEL,
    BOLDEST_STEP,
    FEWEST_LEVELS,
    LONGEST_PAUSE_S,
    SHORTEST_PAUSE_S,
    TRAINEES,
    Line,
    Scenario,
    parts,
    parts_of,
)
from simulator.errors import did_you_mean
from simulator.files import Problem
from simulator.language import languages


def reachable(scenario: Scenario) -> frozenset[str]:
    """The ids of the lines a client can come to by themselves (the rule is in the module's docstring)."""
    found = {scenario.opening}
    while True:
        known = [line for line in scenario.lines if line.id in found]
        more = {line.id for line in scenario.lines if line.id not in found and _follows(line, known)}
        if not more:
            return frozenset(found)
        found |= more


def _follows(line: Line, known: list[Line]) -> bool:
    """Whether a line can come after some of the `known` ones."""
    led = (
        e for e in known if e.disclosure <= line.disclosure and {*e.topics, *e.leads_to} & set(line.topics)
    )
    touched = not line.topics or any(led)
    return touched and any(line.disclosure - earlier.disclosure <= BOLDEST_STEP for earlier in known)


def problems(scenario: Scenario) -> list[Problem]:
    """Everything that does not hang together, with its place."""
    found = [*_name_problems(scenario), *_trainee_problems(scenario)]
    seen: set[str] = set()
    for group, lines in scenario.groups():
        for index, line in enumerate(lines):
            here = (group, index)
            if line.id in seen:
                found.append(Problem((*here, "id"), f"there is already a line {line.id}. Rename one."))
            seen.add(line.id)
            found += _text_problems((*here, "say"), line.say)
            for field, names in (("topics", line.topics), ("leads_to", line.leads_to)):
                for name in set(names) - set(scenario.topics):
                    hint = did_you_mean(name, scenario.topics)
                    found.append(Problem((*here, field), f"there is no topic {name}.{hint}"))
            if group == "lines" and line.disclosure >= BETTER_LEVEL and not line.better:
                what = "the field better is missing: a line of level 2 or more needs a model reply."
                found.append(Problem(here, what))
    return found + ([] if found else _reach_problems(scenario))


def _name_problems(scenario: Scenario) -> list[Problem]:
    found = []
    ids = [line.id for line in scenario.lines]
    if scenario.opening not in ids:
        hint = did_you_mean(scenario.opening, ids)
        found.append(Problem(("opening",), f"there is no line {scenario.opening}.{hint}"))
    if scenario.language not in languages():
        hint = did_you_mean(scenario.language, languages())
        found.append(Problem(("language",), f"there is no language {scenario.language}.{hint}"))
    if len({int(line.disclosure) for line in scenario.lines}) < FEWEST_LEVELS:
        what = "the lines need three levels of disclosure: some from 1, some from 2 and some from 3 upwards."
        found.append(Problem(("lines",), what))
    if all(farewell.trust > 1 for farewell in scenario.farewell):
        found.append(Problem(("farewell",), "one farewell must have trust 1, for when trust is gone."))
    return found


def _trainee_problems(scenario: Scenario) -> list[Problem]:
    ids = {line.id: parts(line) for _, lines in scenario.groups() for line in lines}
    found = [
        Problem(("trainees",), f"there is no trainee {name}. Add one.")
        for name in TRAINEES
        if name not in scenario.trainees
    ]
    for name, trainee in scenario.trainees.items():
        here = ("trainees", name)
        for index, reply in enumerate(trainee.otherwise):
            found += _text_problems((*here, "otherwise", index, "say"), reply.say, empty=True)
        for line, reply in trainee.replies.items():
            place = (*here, "replies", line)
            if line not in ids:
                found.append(Problem(place, f"there is no line {line}.{did_you_mean(line, ids)}"))
                continue
            found += _text_problems((*place, "say"), reply.say, empty=True)
            pauses = sum(isinstance(part, float) for part in ids[line])
            for index, aside in enumerate(reply.during):
                if aside.pause is not None and aside.pause > pauses:
                    what = f"the line {line} has only {pauses} written pauses."
                    found.append(Problem((*place, "during", index, "pause"), what))
        for index, reply in enumerate(trainee.otherwise):
            if any(aside.pause is not None for aside in reply.during):
                what = "a reply to any line cannot count on a written pause. Give at_s alone."
                found.append(Problem((*here, "otherwise", index, "during"), what))
    return found


def _text_problems(loc: tuple[int | str, ...], text: str, empty: bool = False) -> list[Problem]:
    """What is wrong with a written text: no words, strange brackets, pauses of a wrong length or place."""
    pieces = parts_of(text)
    words = [piece for piece in pieces if isinstance(piece, str)]
    if empty and not text.strip():
        return []
    found = []
    if any("[" in piece or "]" in piece for piece in words):
        found.append(Problem(loc, "a written pause is a number of seconds in square brackets, like [1.5]."))
    if not any(letter.isalnum() for piece in words for letter in piece):
        found.append(Problem(loc, "there are no words to say."))
    elif isinstance(pieces[0], float) or isinstance(pieces[-1], float):
        found.append(Problem(loc, "a written pause must lie between words."))
    for piece in pieces:
        if isinstance(piece, float) and not SHORTEST_PAUSE_S <= piece <= LONGEST_PAUSE_S:
            what = f"a written pause lasts {SHORTEST_PAUSE_S} to {LONGEST_PAUSE_S:g} s, not {piece:g}."
            found.append(Problem(loc, what))
    return found


def _reach_problems(scenario: Scenario) -> list[Problem]:
    within = reachable(scenario)
    return [
        Problem(
            ("lines", index),
            f"the line {line.id} cannot be reached: no line of level {line.disclosure:g} or less is about, "
            f"or leads to, {' or '.join(line.topics) or 'anything'}; or the step to it is more than "
            f"{BOLDEST_STEP}. Add a topic to leads_to of an earlier line, or a line between.",
        )
        for index, line in enumerate(scenario.lines)
        if line.id not in within
    ]
