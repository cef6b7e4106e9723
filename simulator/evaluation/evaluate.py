"""A conversation and its scenario, and what they show."""

from __future__ import annotations

from simulator.dialogue.scenario import Scenario
from simulator.dialogue.turns import Conversation
from simulator.evaluation.findings import EVALUATION_VERSION, Evaluation, Finding


def exchange_findings(conversation: Conversation, index: int, scenario: Scenario) -> tuple[Finding, ...]:
    """What is heard in the exchange at `index` (as `turns.exchanges` counts), in the order of the tape."""
    return ()


def evaluate(conversation: Conversation, scenario: Scenario) -> Evaluation:
    """Measures and findings: a pure function, the same today and in five years."""
    return Evaluation(EVALUATION_VERSION, (), ())
