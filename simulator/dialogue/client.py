"""The simulated client: trust, disclosure, and the next line; a pure function of what was heard.

Deterministic, after PatientAct (PatientHub): trust starts at 2.5 on a scale of 1.0 to 4.0 and each exchange
moves it by half a point at most, from what was heard in words and in timing. A line is said only when trust
reaches its level and its topic was touched; a blocked topic shows discomfort, not silence.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from simulator.dialogue.scenario import BOLDEST_STEP, DISCLOSURE_LEVEL, Farewell, Line, Scenario
from simulator.dialogue.skills import HARM, OPENING, Skill
from simulator.language import tokens

FIRST_TRUST, LEAST_TRUST, MOST_TRUST = 2.5, 1.0, 4.0

_EXPLORING = frozenset({Skill.EXPLORATION, Skill.OPEN_QUESTION, Skill.AUTONOMY, Skill.REFLECTION_COMPLEX})
_WARM = OPENING - _EXPLORING
_ADVICE = frozenset({Skill.ADVICE, Skill.FIXING})
_RISKY = frozenset({Skill.WHY_QUESTION, Skill.LEADING})
_HURRY = frozenset(
    {
        Skill.RUSHED_ANSWER,
        Skill.FILLED_SILENCE,
        Skill.FAST_SPEECH,
        Skill.LONG_MONOLOGUE,
        Skill.MISSED_DISCLOSURE,
    }
)
"""What takes something away from whatever else was said."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the client stands: `said` are the ids of the lines said, in order; `over` after a farewell."""

    trust: float = FIRST_TRUST
    said: tuple[str, ...] = ()
    topics: frozenset[str] = frozenset()
    exchanges: int = 0
    over: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client says next: `line` is `None` when the conversation is over. `blocked`: what the trainee
    asked about needs more trust than there is."""

    standing: Standing
    line: Line | None
    blocked: bool = False


def open_with(scenario: Scenario) -> tuple[Standing, Line]:
    """Before anything was heard, and the first line."""
    line = scenario.line(scenario.opening)
    return _after(Standing(), line), line


def trust_step(skills: Collection[Skill]) -> float:
    """How an exchange moves trust: -0.5, -0.25, 0, 0.25 or 0.5.

    When signs disagree: harm (judging, dismissing, cutting off), then advice, then self-focus, then the kind
    of question, then what opens. Exploring opens more than warmth alone (AVP 2026), an unhurried silence
    opens, and hurry takes a step away from what would have opened.
    """
    heard = frozenset(skills)
    hurried = bool(heard & _HURRY)
    if heard & HARM:
        return -0.5
    if heard & _ADVICE:
        return -0.5 if hurried or Skill.SELF_FOCUS in heard else -0.25
    if Skill.SELF_FOCUS in heard or heard & _RISKY:
        return -0.5 if hurried else -0.25
    exploring, warm = heard & _EXPLORING, heard & _WARM
    opened = 0.25 if exploring or warm else 0.0
    if Skill.EXPLORATION in heard or (exploring and (warm or len(exploring) > 1)):
        opened = 0.5
    return opened - 0.25 if hurried else opened


def trust_after(trust: float, skills: Collection[Skill]) -> float:
    """Trust after an exchange, within 1.0 to 4.0."""
    return min(MOST_TRUST, max(LEAST_TRUST, trust + trust_step(skills)))


def answer(scenario: Scenario, standing: Standing, skills: Collection[Skill], text: str) -> Answer:
    """What the client says to a reply in which `skills` were heard and whose words are `text`.

    Cut off, the client says so first. Otherwise it says what its trust allows: what the trainee asked
    about or what goes on from its last line before a new thread, and of that the deeper before the shallower.
    Never the same line twice; nothing more after a farewell.
    """
    if standing.over:
        return Answer(replace(standing, trust=trust_after(standing.trust, skills)), None)
    mentioned = mentioned_topics(scenario, text)
    heard = replace(
        standing,
        trust=trust_after(standing.trust, skills),
        topics=standing.topics | mentioned,
        exchanges=standing.exchanges + 1,
    )
    if heard.exchanges >= scenario.length:
        return _say(heard, _farewell(scenario, heard))
    if Skill.INTERRUPTION in skills and (cut := interrupted_line(scenario, heard)) is not None:
        return _say(heard, cut)
    candidates = sayable_now(scenario, heard)
    blocked = _is_blocked(scenario, heard, mentioned)
    if blocked or not candidates:
        uneasy = _unsaid(scenario.discomfort, heard)
        if uneasy:
            return _say(heard, min(uneasy, key=lambda line: not mentioned & set(line.topics)), blocked)
    if not candidates:
        return _say(heard, _farewell(scenario, heard), blocked)
    last = scenario.line(heard.said[-1])
    thread = {*last.topics, *last.leads_to}
    best = max(
        candidates,
        key=lambda line: (
            bool((mentioned | thread) & set(line.topics)),
            line.disclosure,
            bool(mentioned & set(line.topics)),
            bool(thread & set(line.topics)),
        ),
    )
    return _say(heard, best, blocked)


def lapse_line(scenario: Scenario, lapses: int) -> Line:
    """What the client says into the `lapses`-th lapse in a row (from 1): a breath, "...yeah"."""
    return scenario.lapse[(lapses - 1) % len(scenario.lapse)]


def interrupted_line(scenario: Scenario, standing: Standing) -> Line | None:
    """What the client says after being cut off, or `None` where it has said all of that. `answer` uses it."""
    unsaid = _unsaid(scenario.interrupted, standing)
    return unsaid[0] if unsaid else None


def mentioned_topics(scenario: Scenario, text: str) -> frozenset[str]:
    """The topics that a reply's words touch."""
    words = f" {' '.join(tokens(text))} "
    return frozenset(
        topic
        for topic, cues in scenario.topics.items()
        if any(f" {' '.join(tokens(cue))} " in words for cue in cues)
    )


def sayable(scenario: Scenario) -> tuple[Line, ...]:
    """Everything the client could say, what is likely first at the front."""
    opening = scenario.line(scenario.opening)
    rest = sorted(
        (line for line in scenario.lines if line is not opening),
        key=lambda line: abs(line.disclosure - FIRST_TRUST),
    )
    asides = (*scenario.interrupted, *scenario.discomfort, *scenario.lapse, *scenario.farewell)
    return (opening, *rest, *asides)


def sayable_now(scenario: Scenario, standing: Standing) -> tuple[Line, ...]:
    """The unsaid lines whose level trust has reached and whose topic was touched, in the file's order.

    None of them is more than a step of 1.5 above the deepest line said: a client opens up by degrees.
    """
    deepest = max(
        (line.disclosure for line in scenario.lines if line.id in standing.said), default=LEAST_TRUST
    )
    ceiling = min(standing.trust, deepest + BOLDEST_STEP)
    return tuple(
        line
        for line in _unsaid(scenario.lines, standing)
        if line.disclosure <= ceiling and (not line.topics or set(line.topics) & standing.topics)
    )


def disclosures_heard(scenario: Scenario, said: Collection[str]) -> int:
    """How many of the lines said are disclosures (level 2.5 and more)."""
    return sum(line.id in set(said) and line.disclosure >= DISCLOSURE_LEVEL for line in scenario.lines)


def _is_blocked(scenario: Scenario, standing: Standing, mentioned: frozenset[str]) -> bool:
    """Whether the trainee touched a topic of which something is left, but nothing that trust allows."""
    left = [line for line in _unsaid(scenario.lines, standing) if mentioned & set(line.topics)]
    return bool(left) and all(line.disclosure > standing.trust for line in left)


def _unsaid(lines: Collection[Line], standing: Standing) -> list[Line]:
    return [line for line in lines if line.id not in standing.said]


def _farewell(scenario: Scenario, standing: Standing) -> Farewell:
    """The farewell for the trust there is: the highest whose `trust` is reached."""
    reached = [line for line in scenario.farewell if line.trust <= standing.trust]
    return max(reached, key=lambda line: line.trust)


def _say(standing: Standing, line: Line, blocked: bool = False) -> Answer:
    return Answer(_after(standing, line), line, blocked)


def _after(standing: Standing, line: Line) -> Standing:
    """Having said the line: its topics are touched."""
    return replace(
        standing,
        said=(*standing.said, line.id),
        topics=standing.topics | {*line.topics, *line.leads_to},
        over=isinstance(line, Farewell),
    )
