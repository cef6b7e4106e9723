"""An evaluation as the few sentences that the coach says."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.dialogue.scenario import Scenario
from simulator.dialogue.turns import Conversation
from simulator.evaluation.findings import Evaluation, Finding


@dataclass(frozen=True, slots=True)
class Feedback:
    """One strength, one thing to try, and the sentences that say them, in the order spoken.

    `strength` and `attempt` are `None` only where the trainee said nothing at all.
    """

    strength: Finding | None
    attempt: Finding | None
    sentences: tuple[str, ...]


def feedback(evaluation: Evaluation, conversation: Conversation, scenario: Scenario) -> Feedback:
    """What the coach says, short enough to be heard."""
    return Feedback(None, None, ("Thank you for sitting with this.",))
