"""The loop: one rehearsal, from the client's first line to the coach's last word, as a generator of events.

Whoever iterates, drives: the command line prints the events, a page forwards them, a test calls `list()`.

    client   #########..............######
    trainee  ...........#########.........
                       ^        ^   ^ answered as soon as the silence has ended the turn
                       |        speech stops
                       speech starts
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from simulator.audio.device import Device, Playback
from simulator.audio.span import Span, to_samples
from simulator.audio.tape import Recorder
from simulator.dialogue import client as clients
from simulator.dialogue.commands import Command, parse_command
from simulator.dialogue.endpoint import SpeechStarted, TurnOver
from simulator.dialogue.floor import takes_floor
from simulator.dialogue.scenario import Line, Scenario, parts
from simulator.dialogue.turns import Conversation, Exchange, Speaker, SpokenLine, Utterance, exchanges
from simulator.errors import DeviceLost
from simulator.evaluation.evaluate import evaluate, exchange_findings
from simulator.evaluation.feedback import feedback
from simulator.evaluation.findings import Finding
from simulator.events import (
    Caption,
    ClientYielded,
    CoachSpoke,
    CommandHeard,
    Event,
    LapseHeard,
    LineEnded,
    LineStarted,
    RehearsalEnded,
    RehearsalStarted,
    TraineeStarted,
    Trouble,
    TrustChanged,
    TurnEnded,
    UtteranceHeard,
)
from simulator.language import load_language, tokens
from simulator.listening import Ears, Failed, Heard, Lost, endpoint_rules
from simulator.settings import Patience
from simulator.speech.voices import Performance
from simulator.studio import Studio

MOST_LAPSES = 3
"""After so many lapses in a row nobody seems to be there, and the rehearsal ends (convention)."""

COACH_PAUSE_S = 0.4
"""A breath between the client's last word and the coach's first, so that nobody confuses them."""

TRAILING_EXTRA = 0.6
"""A turn whose last word trails off ("and", "because", "um") waits longer by this share of its silence."""

HARD_LIMIT_S = 30.0
"""No single wait for a playback to end lasts longer than this beyond the sound's own length."""


def rehearse(scenario: Scenario, studio: Studio) -> Iterator[Event]:
    """Play one rehearsal.

    Ends with `RehearsalEnded`, also when the trainee asked to stop, nobody answers, a tape ends or the device
    is lost; in the last case `DeviceLost` is raised after it, everything heard being stored.

    Raises:
        DeviceLost: the device has gone. StoreError: it cannot be kept. EngineError: no voice can speak.
    """
    return _Rehearsal(scenario, studio).run()


class _Over(Exception):
    """The rehearsal is to end now: asked for, too long, nobody there, or the tape has ended."""


@dataclass(slots=True)
class _Facts:
    """What has been said so far, and what is stored of it."""

    utterances: list[Utterance] = field(default_factory=list)
    lines: list[SpokenLine] = field(default_factory=list)
    dropouts: list[Span] = field(default_factory=list)


class _Rehearsal:
    """The state of one rehearsal while it runs. Each method that speaks or listens yields events."""

    def __init__(self, scenario: Scenario, studio: Studio):
        self.scenario, self.studio = scenario, studio
        self.rate = studio.device.rate
        self.language = load_language(scenario.language)
        self.id = self._begin()
        self.device = self._recorded(studio.device)
        self.ears = Ears(self.device, studio.canceller, studio.detector, studio.transcriber, studio.settings)
        self.facts = _Facts()
        self.patience = studio.settings.patience
        self.tempo = 1.0
        self.lapses = 0
        self.held: list[Utterance] = []
        self.turn: list[Utterance] = []
        self.to_prepare: list[Line] = []

    # The rehearsal as a whole

    def run(self) -> Iterator[Event]:
        yield RehearsalStarted(self.device.now, self.id, self.scenario.id, self.scenario.client.name)
        finished, lost = False, None
        try:
            yield from self._converse()
            finished = True
        except (_Over, EOFError):
            yield from self._last_words()
        except DeviceLost as error:
            lost = error
            yield Trouble(self.device.now, str(error))
        yield from self._conclude(finished, silent=lost is not None)
        if lost is not None:
            raise lost

    def _converse(self) -> Iterator[Event]:
        standing, line = clients.open_with(self.scenario)
        self.to_prepare = [other for other in clients.sayable(self.scenario) if other.id != line.id]
        repeat: Line | None = line
        while repeat is not None:
            yield from self._speak(repeat)
            if standing.over:
                return
            answered = yield from self._await_turn(repeat)
            if answered is None:
                repeat = repeat if self.lapses == 0 else clients.lapse_line(self.scenario, self.lapses)
                continue
            findings = self._findings()
            answer = clients.answer(
                self.scenario, standing, tuple(finding.skill for finding in findings), answered.text
            )
            yield TrustChanged(self.device.now, standing.trust, answer.standing.trust, findings)
            standing, repeat = answer.standing, answer.line

    def _conclude(self, finished: bool, silent: bool) -> Iterator[Event]:
        """Evaluate, store, and let the coach speak; `silent` where there is no device to speak on."""
        conversation = self._conversation()
        evaluation = evaluate(conversation, self.scenario)
        said = feedback(evaluation, conversation, self.scenario)
        if self.studio.store is not None:
            self.studio.store.finish(self.id, evaluation, said.sentences, finished)
        if not silent:
            for index, sentence in enumerate(said.sentences):
                yield from self._coach(sentence, COACH_PAUSE_S if index == 0 else 0.25)
        if isinstance(self.device, Recorder):
            self.device.finish()
            if self.device.trouble is not None:
                yield Trouble(self.device.now, str(self.device.trouble))
        yield RehearsalEnded(self.device.now, conversation, evaluation, said, finished)

    # The client speaks

    def _speak(self, line: Line) -> Iterator[Event]:
        """Sound a line, listening all the while; yield the floor where it is taken."""
        performance = self.studio.client.perform(parts(line), line.mood, self.tempo)
        if self.studio.client.trouble:
            yield Trouble(self.device.now, self.studio.client.trouble)
            self.studio.client.trouble = None
        playback = self.device.play(performance.sound.samples)
        planned: SpokenLine | None = None
        yielded_at: int | None = None
        while not playback.done:
            yield from self._report(self._listen())
            if planned is None and playback.start is not None:
                planned = self._plan(line, performance, playback.start)
                yield LineStarted(
                    planned.planned.start, line.id, line.say_text, line.mood, planned.planned, planned.pauses
                )
            if planned is not None and yielded_at is None and self._must_yield(line, planned):
                playback.stop(to_samples(self.studio.settings.yield_fade_s, self.rate))
                yielded_at = self.device.now
                yield ClientYielded(yielded_at, line.id)
        assert planned is not None
        yield from self._line_over(planned, performance, playback)

    def _plan(self, line: Line, performance: Performance, start: int) -> SpokenLine:
        planned = SpokenLine(
            line.id,
            Span(start, start + len(performance.sound)),
            Span(start, start),
            tuple(pause.shift(start) for pause in performance.pauses),
            line.disclosure,
        )
        self.facts.lines.append(planned)
        self._store_line(planned)
        return planned

    def _must_yield(self, line: Line, planned: SpokenLine) -> bool:
        speaking = self.ears.speaking
        if speaking is None or not line.yields:
            return False
        # While the echo canceller converges, the client's own first moments may leak into the microphone.
        guard = planned.planned.start + to_samples(self.studio.settings.guard_s, self.rate)
        if planned.planned.start <= speaking.start < guard:
            return False
        words = self.ears.partial() or None
        return takes_floor(speaking, words, planned, self.rate, self.language, self.device.now)

    def _line_over(self, planned: SpokenLine, performance: Performance, playback: Playback) -> Iterator[Event]:
        start = planned.planned.start
        spoken = replace(planned, sounded=Span(start, start + playback.sounded))
        self.facts.lines[-1] = spoken
        self._store_line(spoken)
        complete = spoken.sounded.end >= spoken.planned.end
        for utterance in _client_utterances(spoken, performance):
            yield self._keep(utterance)
        yield LineEnded(spoken.sounded.end, spoken.line, complete)
        if self.ears.speaking is None:
            # A backchannel while the client spoke is no reply: the trainee's turn begins now.
            self.ears.endpointer.forget_turn()
            yield from self._settle_turn()

    # The trainee speaks

    def _await_turn(self, line: Line) -> Iterator[Event]:
        """Listen until the trainee's turn has ended. Returns its exchange, or `None` where the line is to be
        said again (a command) or was left unanswered (a lapse)."""
        silence_since = self.device.now
        lapse = to_samples(self.studio.settings.lapse_s, self.rate)
        while True:
            over = False
            for heard in self._listen():
                over |= isinstance(heard, TurnOver)
                yield from self._report((heard,))
            if over:
                command = yield from self._settle_turn()
                if command is Command.REPEAT:
                    return None
                reply = self._exchange()
                if command is None and reply is not None and self._answered(reply):
                    # What is waiting was said while we were thinking: the trainee may still be speaking.
                    yield from self._report(self.ears.catch_up())
                    if self.ears.speaking is None:
                        self.lapses = 0
                        return reply
                silence_since = self.device.now
            if self.ears.endpointer.turn is not None:
                silence_since = self.device.now
            if self.device.now - silence_since >= lapse:
                self.lapses += 1
                yield LapseHeard(self.device.now)
                if self.lapses >= MOST_LAPSES:
                    raise _Over
                return None

    def _listen(self) -> tuple[Heard, ...]:
        """One block further, after the keys; prepares the voice for lines to come."""
        self._mind_limits()
        heard: tuple[Heard, ...] = ()
        keys = self.studio.keys()
        if "q" in keys:
            raise _Over
        if keys:
            heard += self.ears.end_turn()
        if self.to_prepare:
            line = self.to_prepare.pop(0)
            self.studio.client.perform(parts(line), line.mood, self.tempo)
        return (*heard, *self.ears.listen())

    def _mind_limits(self) -> None:
        longest = to_samples(self.studio.settings.longest_rehearsal_s, self.rate)
        if self.studio.stop_asked or self.device.now > longest:
            raise _Over

    def _report(self, heard: tuple[Heard, ...]) -> Iterator[Event]:
        """Keep what was heard, and say so."""
        for one in heard:
            if isinstance(one, Utterance):
                yield from self._heard_words(one)
            elif isinstance(one, SpeechStarted):
                yield TraineeStarted(one.at)
            elif isinstance(one, TurnOver):
                yield TurnEnded(one.at, one.decided_at)
            elif isinstance(one, Lost):
                yield self._dropout(one.span)
            elif isinstance(one, Failed):
                yield Trouble(one.span.end, one.why)
        if self.ears.speaking is not None and (partial := self.ears.partial()):
            yield Caption(self.device.now, partial)

    def _heard_words(self, utterance: Utterance) -> Iterator[Event]:
        command = parse_command(utterance.text, self.language)
        if command is not None and not self.turn:
            # It may still turn out to be the beginning of a sentence: kept back until the turn is over.
            self.held.append(utterance)
            if command is Command.DONE:
                yield from self._report(self.ears.end_turn())
            return
        for waiting in (*self.held, utterance):
            self.turn.append(waiting)
            if command is Command.DONE and waiting is utterance:
                self.held = [utterance]
                self.turn.pop()
                yield from self._report(self.ears.end_turn())
                return
            yield self._keep(waiting)
        self.held = []
        said = tokens(utterance.text)
        if said and said[-1] in self.language.trailing:
            silence = self.ears.endpointer.rules.turn_silence or 0
            self.ears.endpointer.wait_longer(round(silence * TRAILING_EXTRA))

    def _settle_turn(self) -> Iterator[Event]:
        """The turn is over: obey it if it was a command. Returns the command obeyed, if any."""
        command = None
        if self.held:
            command = parse_command(self.held[-1].text, self.language)
            yield CommandHeard(self.held[-1].span.start, str(command))
            only_command = not self.turn
            self.held = []
            if command is not None and only_command:
                self._obey(command)
                if command is Command.HELP:
                    yield from self._coach(self.language.help, 0.2)
            if command is Command.DONE and not only_command:
                command = None
        self.turn = []
        return command

    def _obey(self, command: Command) -> None:
        if command is Command.STOP:
            raise _Over
        if command in (Command.SLOWER, Command.FASTER):
            self.tempo = min(1.3, max(0.7, self.tempo * (0.88 if command is Command.SLOWER else 1 / 0.88)))
        elif command.value in set(Patience):
            self.patience = Patience(command.value)
            self.ears.endpointer.rules = endpoint_rules(self.studio.settings, self.patience, self.rate)

    def _last_words(self) -> Iterator[Event]:
        """What was said just before the end is kept too."""
        yield from self._report(self.ears.end_turn())
        yield from self._report(self.ears.words())

    # The facts

    def _conversation(self) -> Conversation:
        return Conversation(
            self.rate, tuple(self.facts.utterances), tuple(self.facts.lines), tuple(self.facts.dropouts)
        )

    def _exchange(self) -> Exchange | None:
        found = exchanges(self._conversation())
        return found[-1] if found else None

    def _answered(self, exchange: Exchange) -> bool:
        return bool(exchange.reply or exchange.during)

    def _findings(self) -> tuple[Finding, ...]:
        conversation = self._conversation()
        return exchange_findings(conversation, len(conversation.lines) - 1, self.scenario)

    def _keep(self, utterance: Utterance) -> UtteranceHeard:
        self.facts.utterances.append(utterance)
        if self.studio.store is not None:
            self.studio.store.add_utterance(self.id, utterance)
        return UtteranceHeard(utterance.span.end, utterance)

    def _dropout(self, span: Span) -> Trouble:
        self.facts.dropouts.append(span)
        if self.studio.store is not None:
            self.studio.store.add_dropout(self.id, span)
        return Trouble(span.start, "The sound device lost a moment of sound; measures that touch it are left out.")

    def _store_line(self, line: SpokenLine) -> None:
        if self.studio.store is not None:
            self.studio.store.add_line(self.id, line)

    def _begin(self) -> str:
        if self.studio.store is None:
            return ""
        return self.studio.store.begin(
            self.scenario.id,
            self.scenario.model_dump_json(),
            self.rate,
            datetime.now(UTC).isoformat(timespec="seconds"),
            self.studio.settings.model_dump_json(),
        )

    def _recorded(self, device: Device) -> Device:
        """The device, with a recorder around it where the trainee asked for one."""
        if self.studio.store is None or not self.studio.settings.keep_audio:
            return device
        folder = self.studio.store.audio_folder(self.id)
        return Recorder(device, folder / "trainee.wav", folder / "client.wav")

    # The coach speaks

    def _coach(self, sentence: str, pause_s: float) -> Iterator[Event]:
        """Sound one sentence of the coach; nothing is listened to meanwhile."""
        performance = self.studio.coach.perform((sentence,))
        for _ in range(to_samples(pause_s, self.rate) // self.device.block):
            self.device.read()
        playback = self.device.play(performance.sound.samples)
        told = False
        limit = self.device.now + len(performance.sound) + to_samples(HARD_LIMIT_S, self.rate)
        while not playback.done and self.device.now < limit:
            if not told and playback.start is not None:
                told = True
                yield CoachSpoke(playback.start, sentence)
            self.device.read()


def _client_utterances(line: SpokenLine, performance: Performance) -> tuple[Utterance, ...]:
    """The client's utterances as they were heard: pieces between written pauses, the last perhaps cut off.

    Of a piece that was cut off, as many words count as heard as the share of it that sounded.
    """
    heard = []
    for piece, text in performance.pieces:
        span = piece.shift(line.planned.start)
        sounded = span & line.sounded
        if not sounded:
            continue
        complete = sounded == span
        if not complete:
            words = text.split()
            text = " ".join(words[: round(len(words) * len(sounded) / len(span))])
        if text:
            heard.append(Utterance(Speaker.CLIENT, sounded, text, complete=complete, line=line.line))
    return tuple(heard)
