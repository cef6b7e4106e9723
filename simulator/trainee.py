"""A simulated trainee: hears the client's lines begin, and answers with its own mouth in the room.

It is for demonstrations, tests and benches. It knows what a real listener would know, the line and where it
is planned to end, and its words go the whole way: voice, room, echo canceller, detector, transcriber.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from simulator.audio.room import Room
from simulator.audio.span import Span, to_samples
from simulator.dialogue.commands import Command, phrase_for
from simulator.dialogue.scenario import Reply, Scenario, parts_of
from simulator.events import Event, LineStarted
from simulator.language import load_language
from simulator.settings import Patience
from simulator.speech.voices import Performer


class SimulatedTrainee:
    """Plays the trainee `name` of a scenario in `room`, with the voice of `performer`.

    With patience `open` it says so when it is done, since no silence ends its turns.

    Raises:
        ScenarioError: the scenario has no trainee of that name.
    """

    def __init__(self, scenario: Scenario, name: str, room: Room, performer: Performer, patience: Patience):
        self._script = scenario.trainee(name)
        self._room, self._performer, self._patience = room, performer, patience
        self._done = phrase_for(Command.DONE, load_language(scenario.language))
        self._answers = 0
        self._reply: Span | None = None

    def watch(self, events: Iterable[Event]) -> Iterator[Event]:
        """Pass the events on, answering to them."""
        for event in events:
            if isinstance(event, LineStarted):
                self._answer(event)
            yield event

    def _answer(self, line: LineStarted) -> None:
        reply: Reply = self._script.reply_to(line.line, self._answers)
        if not self._script.is_written_for(line.line):
            self._answers += 1
        rate = self._room.rate
        if self._reply is not None and self._reply.start > line.at:
            self._room.hush()  # the client has gone on: what was to be said to the last line is not said
        for aside in reply.during:
            begin = line.pauses[aside.pause - 1].start if aside.pause else line.planned.start
            said = self._performer.perform(parts_of(aside.say))
            self._room.say(said.sound.samples, begin + to_samples(aside.at_s, rate))
        words = reply.say if self._patience is not Patience.OPEN else f"{reply.say} [0.6] {self._done}."
        said = self._performer.perform(parts_of(words))
        at = line.planned.end + to_samples(reply.after_s, rate)
        self._reply = self._room.say(said.sound.samples, at)
