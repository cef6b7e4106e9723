"""A rehearsal as JSON: for `--json`, and an evaluation back from its JSON.

The order of the fields is fixed. A span gives its ends in samples of the session clock and in seconds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from simulator.audio.span import Span, to_seconds
from simulator.dialogue.skills import Skill
from simulator.dialogue.turns import Conversation, SpokenLine, Utterance
from simulator.errors import StoreError
from simulator.evaluation.findings import Evaluation, Finding, Measure, Verdict

if TYPE_CHECKING:
    from simulator.records.store import Rehearsal

NOTICE = "A practice aid, not an assessment of a person."
"""Said wherever figures about a trainee are shown."""


def as_json(
    rehearsal: Rehearsal,
    conversation: Conversation,
    evaluation: Evaluation | None,
    sentences: Sequence[str] = (),
) -> dict[str, Any]:
    """All that is known of a rehearsal, as values `json.dumps` takes. `evaluation` may be missing: `None`."""
    rate = conversation.rate
    return {
        "notice": NOTICE,
        "id": rehearsal.id,
        "scenario": rehearsal.scenario,
        "started_at": rehearsal.started_at,
        "finished": rehearsal.finished,
        "program": rehearsal.program,
        "rate_hz": rate,
        "utterances": [_utterance(utterance, rate) for utterance in conversation.utterances],
        "lines": [_line(line, rate) for line in conversation.lines],
        "duplex": conversation.duplex,
        "dropouts": [_span(dropout, rate) for dropout in conversation.dropouts],
        "evaluation": None if evaluation is None else _evaluation(evaluation, rate),
        "feedback": list(sentences),
        "audio": None if rehearsal.audio is None else str(rehearsal.audio),
        "settings": json.loads(rehearsal.settings),
    }


def evaluation_from_json(text: str) -> Evaluation:
    """The evaluation whose `to_json` gave `text`; its `to_json` gives the same bytes again.

    Raises:
        StoreError: the text is no evaluation.
    """
    try:
        found = json.loads(text)
        return Evaluation(
            found["version"],
            tuple(Measure(**measure) for measure in found["measures"]),
            tuple(_finding_from(finding) for finding in found["findings"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(
            f"A kept evaluation cannot be read ({type(error).__name__}: {error}). "
            "The conversation itself is kept apart from it and can be evaluated again."
        ) from error


def _finding_from(found: dict[str, Any]) -> Finding:
    known = dict(found)
    skill, verdict = Skill(known.pop("skill")), Verdict(known.pop("verdict"))
    evidence = tuple(Span(**span) for span in known.pop("evidence"))
    return Finding(skill=skill, verdict=verdict, evidence=evidence, **known)


def _span(span: Span, rate: int) -> dict[str, Any]:
    return {
        "start": span.start,
        "end": span.end,
        "start_s": to_seconds(span.start, rate),
        "end_s": to_seconds(span.end, rate),
    }


def _utterance(utterance: Utterance, rate: int) -> dict[str, Any]:
    return {
        "speaker": utterance.speaker.value,
        "line": utterance.line,
        "text": utterance.text,
        "complete": utterance.complete,
        "hum": utterance.hum,
        "span": _span(utterance.span, rate),
        "fillers": None if utterance.fillers is None else [_span(f, rate) for f in utterance.fillers],
        "words": [
            {"text": word.text, "confidence": word.confidence, "span": _span(word.span, rate)}
            for word in utterance.words
        ],
    }


def _line(line: SpokenLine, rate: int) -> dict[str, Any]:
    return {
        "line": line.line,
        "disclosure": line.disclosure,
        "planned": _span(line.planned, rate),
        "sounded": _span(line.sounded, rate),
        "pauses": [_span(pause, rate) for pause in line.pauses],
    }


def _evaluation(evaluation: Evaluation, rate: int) -> dict[str, Any]:
    return {
        "version": evaluation.version,
        "measures": [asdict(measure) for measure in evaluation.measures],
        "findings": [
            {
                "skill": finding.skill.value,
                "verdict": finding.verdict.value,
                "quote": finding.quote,
                "evidence": [_span(span, rate) for span in finding.evidence],
                "reason": finding.reason,
                "better": finding.better,
                "line": finding.line,
                "rule": finding.rule,
                "confidence": finding.confidence,
            }
            for finding in evaluation.findings
        ],
    }
