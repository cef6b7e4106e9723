"""Endpointing: speech probabilities in, utterances and turn ends out. A pure automaton on the sample clock.

Two silences, not one: a short one closes an utterance, a longer one ends the turn.

    speech    ..####..###.........
    utterance   [--]  [-]                 closed after the short silence, dated where the speech stopped
    turn        [-------]        ^        decided after the long silence, dated where the speech stopped
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator.audio.span import Span


@dataclass(frozen=True, slots=True)
class EndpointRules:
    """Lengths in samples. `turn_silence` is `None` where only the trainee ends a turn.

    `speech` and `still_speech` are detector probabilities: at or above the first speech begins, below the
    second it stops (two thresholds, so that a value in between does not chop a vowel).
    """

    onset: int
    utterance_silence: int
    turn_silence: int | None
    longest_turn: int
    speech: float = 0.5
    still_speech: float = 0.35


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Speech has lasted long enough to count; it began `at`."""

    at: int


@dataclass(frozen=True, slots=True)
class UtteranceEnded:
    """An utterance lies in `span`, unpadded."""

    span: Span


@dataclass(frozen=True, slots=True)
class TurnOver:
    """The turn's speech ended `at`; that was decided at `decided_at`. `cut` is true for the hard limit."""

    at: int
    decided_at: int
    cut: bool = False


Change = SpeechStarted | UtteranceEnded | TurnOver


class Endpointer:
    """Holds the present turn open. Feed it windows in order; every moment it names lies on their clock."""

    def __init__(self, rules: EndpointRules):
        self.rules = rules
        self._candidate: Span | None = None
        self._utterance: Span | None = None
        self._turn: Span | None = None
        self._extra = 0
        self._now = 0

    @property
    def speaking(self) -> Span | None:
        """The utterance that is being spoken, so far; `None` in silence."""
        return self._utterance

    @property
    def turn(self) -> Span | None:
        """The turn so far, from its first to its last speech; `None` before it begins."""
        return self._turn

    @property
    def silent_for(self) -> int:
        """Samples since the last speech of this turn; 0 while there is none."""
        return self._now - self._turn.end if self._turn is not None else 0

    def feed(self, window: Span, probability: float) -> tuple[Change, ...]:
        """What the next window changes. A window holds one probability."""
        self._now = window.end
        going_on = self._utterance is not None or self._candidate is not None
        threshold = self.rules.still_speech if going_on else self.rules.speech
        return self._speech(window) if probability >= threshold else self._silence(window)

    def end_turn(self) -> tuple[Change, ...]:
        """End the turn now, whatever the silence: the trainee said or pressed so. Without one, nothing."""
        return (*self._close_utterance(), *self._close_turn(cut=False))

    def forget_turn(self) -> None:
        """What was said until now is no turn of its own (a backchannel while the client spoke).

        An utterance that is being spoken goes on and begins the next turn.
        """
        self._turn = self._utterance
        self._extra = 0

    def wait_longer(self, extra: int) -> None:
        """Let the present silence last `extra` samples more ("and...", "um...") before it ends the turn."""
        self._extra = extra

    def _speech(self, window: Span) -> tuple[Change, ...]:
        if self._utterance is not None:
            self._utterance |= window
            return self._grow(self._utterance)
        self._candidate = window if self._candidate is None else self._candidate | window
        if len(self._candidate) < self.rules.onset:
            return ()
        self._utterance, self._candidate = self._candidate, None
        return (SpeechStarted(self._utterance.start), *self._grow(self._utterance))

    def _grow(self, utterance: Span) -> tuple[Change, ...]:
        self._turn = utterance if self._turn is None else self._turn | utterance
        self._extra = 0
        if len(self._turn) < self.rules.longest_turn:
            return ()
        return (*self._close_utterance(), *self._close_turn(cut=True))

    def _silence(self, window: Span) -> tuple[Change, ...]:
        self._candidate = None
        changes: tuple[Change, ...] = ()
        if self._utterance is not None and window.end - self._utterance.end >= self.rules.utterance_silence:
            changes = self._close_utterance()
        if self._turn is None or self._utterance is not None or self.rules.turn_silence is None:
            return changes
        if window.end - self._turn.end >= self.rules.turn_silence + self._extra:
            changes = (*changes, *self._close_turn(cut=False))
        return changes

    def _close_utterance(self) -> tuple[Change, ...]:
        if self._utterance is None:
            return ()
        ended, self._utterance = self._utterance, None
        return (UtteranceEnded(ended),)

    def _close_turn(self, cut: bool) -> tuple[Change, ...]:
        if self._turn is None:
            return ()
        ended, self._turn = self._turn, None
        self._extra = 0
        return (TurnOver(ended.end, self._now, cut),)
