"""Generated sessions through the whole listening path, as the loop drives it; and its decisions replayed.

A session is heard once: room, canceller, detector, endpointer, recogniser, end-of-turn model. What the
endpointer was told is kept, in order, so that other rules can be tried on the same decisions for nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import psutil
from dialogues import RATE, Exchange, Session

from simulator.audio.device import Block, Playback
from simulator.audio.echo import open_canceller
from simulator.audio.room import Room
from simulator.audio.span import Span, to_samples
from simulator.dialogue.endpoint import Change, Endpointer, EndpointRules, TurnOver, UtteranceEnded
from simulator.dialogue.turns import Conversation, SpokenLine, Utterance
from simulator.listening import Ears, Heard
from simulator.settings import Settings
from simulator.speech import Transcriber, TurnModel
from simulator.speech.engines import open_detector

ANSWER_BY_S = 3.0
"""Where the end-of-turn model alone never finds the turn over, this silence ends it (as pipecat's does)."""


@dataclass(frozen=True, slots=True)
class Told:
    """One thing the endpointer was told. `what` is the method's name, `given` its arguments."""

    what: str
    given: tuple[object, ...]


class KeepingEndpointer(Endpointer):
    """The loop's endpointer; keeps what it is told in `told`, and every turn it ends in `ended`."""

    def __init__(self, rules: EndpointRules):
        super().__init__(rules)
        self.told: list[Told] = []
        self.ended: list[TurnOver] = []

    def feed(self, window: Span, probability: float) -> tuple[Change, ...]:
        self.told.append(Told("feed", (window, probability)))
        changes = super().feed(window, probability)
        self.ended += [change for change in changes if isinstance(change, TurnOver)]
        return changes

    def forget_turn(self) -> None:
        self.told.append(Told("forget_turn", ()))
        super().forget_turn()

    def judge(self, utterance: Span, sound: float | None = None, words: float | None = None) -> None:
        self.told.append(Told("judge", (utterance, sound, words)))
        super().judge(utterance, sound, words)

    def wait_longer(self, extra: int) -> None:
        self.told.append(Told("wait_longer", (extra,)))
        super().wait_longer(extra)

    def hold(self, held: bool) -> None:
        self.told.append(Told("hold", (held,)))
        super().hold(held)

    def discard(self, utterance: Span) -> None:
        self.told.append(Told("discard", (utterance,)))
        super().discard(utterance)


class Clocked:
    """A room whose own cost is known: what is measured is listening, not the simulation of sound."""

    def __init__(self, room: Room):
        self._room = room
        self.cost_s = 0.0
        self.rate, self.block, self.live, self.name = room.rate, room.block, room.live, room.name

    @property
    def now(self) -> int:
        return self._room.now

    @property
    def waiting(self) -> int:
        return self._room.waiting

    def read(self) -> Block:
        began = time.process_time()
        block = self._room.read()
        self.cost_s += time.process_time() - began
        return block

    def play(self, samples) -> Playback:  # type: ignore[no-untyped-def]
        return self._room.play(samples)

    def close(self) -> None:
        self._room.close()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one exchange. `yielded_at`: where the client fell silent for the trainee."""

    exchange: Exchange
    line: SpokenLine
    yielded_at: int | None
    heard: tuple[Utterance, ...]
    since: int

    @property
    def conversation(self) -> Conversation:
        """The exchange as the evaluation would get it."""
        return Conversation(RATE, self.heard, (self.line,))


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A session as it was heard."""

    session: Session
    outcomes: tuple[Outcome, ...]
    told: tuple[Told, ...]
    ended: tuple[TurnOver, ...]
    cost_s: float


@dataclass(slots=True)
class _Listener:
    """Drives the ears over one session, as the loop does, but answers nothing."""

    session: Session
    device: Clocked
    ears: Ears
    settings: Settings
    utterances: list[Utterance] = field(default_factory=list)

    def listen(self) -> None:
        """One block further."""
        self.take(self.ears.listen())

    def take(self, heard: Sequence[Heard]) -> None:
        for one in heard:
            if isinstance(one, Utterance):
                self.utterances.append(one)

    def exchange(self, exchange: Exchange) -> Outcome:
        """Play the line, yield where the loop would, and listen until the exchange is over."""
        start = exchange.planned.start
        planned = SpokenLine("line", exchange.planned, Span(start, start), exchange.pauses)
        since = len(self.utterances)
        playback = self.device.play(exchange.line.sound.samples)
        yielded_at: int | None = None
        while not playback.done:
            self.listen()
            if yielded_at is None and self.ears.interrupt(planned):
                playback.stop(to_samples(self.settings.yield_fade_s, RATE))
                yielded_at = self.device.now
        line = replace(planned, sounded=Span(start, start + playback.sounded))
        if self.ears.speaking is None:
            self.ears.endpointer.forget_turn()
        while self.device.now < exchange.until:
            self.listen()
        self.take(self.ears.words())
        # The next exchange begins with a clean slate, whatever this one was taken for.
        self.ears.endpointer.forget_turn()
        heard = tuple(self.utterances[since:])
        return Outcome(exchange, line, yielded_at, heard, line.sounded.end)


def listen(
    session: Session,
    transcriber: Transcriber,
    turn_model: TurnModel | None,
    settings: Settings,
    echo: bool = True,
) -> Run:
    """The session through the listening path, at free pace."""
    before_s = _cpu_s()
    with session.room(echo) as room:
        device = Clocked(room)
        ears = Ears(device, open_canceller(), open_detector(), transcriber, settings, turn_model)
        endpointer = KeepingEndpointer(ears.endpointer.rules)
        ears.endpointer = endpointer
        listener = _Listener(session, device, ears, settings)
        while device.now < session.exchanges[0].planned.start:
            listener.listen()
        outcomes = tuple(listener.exchange(exchange) for exchange in session.exchanges)
        cost_s = _cpu_s() - before_s - device.cost_s
        return Run(session, outcomes, tuple(endpointer.told), tuple(endpointer.ended), cost_s)


def _cpu_s() -> float:
    """Processor seconds of this process and its workers."""
    me = psutil.Process()
    total = 0.0
    for process in (me, *me.children(recursive=True)):
        times = process.cpu_times()
        total += times.user + times.system
    return total


# ------------------------------------------------------------------------------------------ replayed


def replay(run: Run, rules: EndpointRules) -> tuple[TurnOver, ...]:
    """The turns that these rules would have ended, told the same."""
    return tuple(_replayed(run, rules, leave_out=frozenset()))


def silence_alone(run: Run, rules: EndpointRules, silence: int) -> tuple[TurnOver, ...]:
    """The turns that this silence would have ended, whatever was said and however it sounded."""
    plain = replace(rules, turn_silence=silence, shortest_silence=None)
    return tuple(_replayed(run, plain, leave_out=frozenset({"judge", "wait_longer", "hold"})))


def _replayed(run: Run, rules: EndpointRules, leave_out: frozenset[str]) -> Iterator[TurnOver]:
    endpointer = Endpointer(rules)
    for told in run.told:
        if told.what in leave_out:
            continue
        changes = getattr(endpointer, told.what)(*told.given)
        for change in changes or ():
            if isinstance(change, TurnOver):
                yield change


def model_alone(run: Run, rules: EndpointRules, threshold: float) -> tuple[TurnOver, ...]:
    """The turns that the model would have ended: over as soon as it says so with this probability.

    It is asked after `utterance_silence`, once for each silence, and answers in no time; where it says no,
    `ANSWER_BY_S` of silence ends the turn.
    """
    judged = [told.given for told in run.told if told.what == "judge"]
    verdicts = {utterance: sound for utterance, sound, _ in judged if sound is not None}
    waiting = replace(rules, turn_silence=to_samples(ANSWER_BY_S, RATE), shortest_silence=None)
    endpointer = Endpointer(waiting)
    over: list[TurnOver] = []
    for told in run.told:
        if told.what in ("judge", "wait_longer", "hold"):
            continue
        for change in getattr(endpointer, told.what)(*told.given) or ():
            if isinstance(change, TurnOver):
                over.append(change)
            elif isinstance(change, UtteranceEnded):
                finished = verdicts.get(change.span)
                if isinstance(finished, float) and finished >= threshold:
                    over += [c for c in endpointer.end_turn() if isinstance(c, TurnOver)]
    return tuple(over)


# ------------------------------------------------------------------------------------------ judged


@dataclass(frozen=True, slots=True)
class Ending:
    """How one turn was ended: whether the program cut it off, and how long it waited.

    `pause_s` is the turn's longest silence; `human`: it is a recording of a person.
    """

    condition: str
    cut_off: bool
    wait_s: float
    pause_s: float
    human: bool


def endings(run: Run, over: Sequence[TurnOver]) -> list[Ending]:
    """Every true turn of a run and how it was ended.

    Cut off: a decision between the turn's first sample and its last, once the client is silent. The wait
    runs from the turn's last sample to the decision; what is not ended before the next line counts as waited
    for until then.
    """
    found = []
    for outcome in run.outcomes:
        turn = outcome.exchange.turn
        if not turn:
            continue
        end = turn[-1].end
        mine = [
            o for o in over if outcome.since <= o.decided_at < outcome.exchange.until and o.at > turn[0].start
        ]
        cut = any(o.decided_at < end for o in mine)
        after = [o.decided_at for o in mine if o.decided_at >= end]
        wait = (after[0] if after else outcome.exchange.until) - end
        found.append(
            Ending(
                run.session.condition, cut, wait / RATE, outcome.exchange.pause / RATE, outcome.exchange.human
            )
        )
    return found


def rate_of(found: Sequence[Ending]) -> tuple[float, float]:
    """The share cut off, and the mean wait of those that were not."""
    cut = sum(ending.cut_off for ending in found) / max(1, len(found))
    waits = [ending.wait_s for ending in found if not ending.cut_off]
    return cut, sum(waits) / max(1, len(waits))
