"""A studio without engines, and a rehearsal as a few lines of text: what the tests of the loop share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from simulator.audio.device import CLOCK_HZ, Device
from simulator.audio.echo import NoCanceller
from simulator.audio.room import Room
from simulator.audio.sound import Samples
from simulator.audio.span import to_samples
from simulator.dialogue.scenario import Scenario, load_scenario
from simulator.events import (
    ClientYielded,
    CoachSpoke,
    CommandHeard,
    Event,
    LapseHeard,
    LineEnded,
    LineStarted,
    Notice,
    RehearsalEnded,
    RehearsalStarted,
    TraineeStarted,
    Trouble,
    TrustChanged,
    TurnEnded,
    UtteranceHeard,
)
from simulator.records.store import Store
from simulator.session import rehearse
from simulator.settings import load_settings
from simulator.speech.scripted import ScriptedDetector, ScriptedTranscriber
from simulator.speech.voices import Performer, VoiceProfile
from simulator.studio import Studio

SCRIPTED = VoiceProfile(name="scripted", voice="scripted")
Said = tuple[float, float, str]
"""What the trainee says: at which second, for how many seconds, and the words."""

TWO_ANSWERS: list[Said] = [(3.0, 1.5, "Tell me more about it."), (10.0, 1.5, "I hear you.")]


def plain() -> Scenario:
    """The scenario of `data/plain.yaml`."""
    return load_scenario(Path(__file__).parent / "data" / "plain.yaml")


def noise(duration_s: float) -> Samples:
    """A voice for the scripted detector: loud, with a pitch that moves as in speech."""
    time_s = np.arange(to_samples(duration_s, CLOCK_HZ)) / CLOCK_HZ
    turns = 130 * time_s + 3 * np.sin(2 * np.pi * 2.5 * time_s)
    return (0.3 * (1 - 2 * (turns % 1))).astype(np.float32)


def quiet_room(said: Sequence[Said]) -> Room:
    """A room without echo or noise, in which the trainee will say these things."""
    room = Room(echo_db=None, noise_db=None)
    for at_s, length_s, _ in said:
        room.say(noise(length_s), to_samples(at_s, CLOCK_HZ))
    return room


def play(
    said: Sequence[Said],
    scenario: Scenario | None = None,
    device: Device | None = None,
    store: Store | None = None,
    watch: Callable[[Event, Studio], None] | None = None,
    transcriber: ScriptedTranscriber | None = None,
    duplex: bool = True,
    voice: Performer | None = None,
    introduce: bool = False,
    **settings: object,
) -> list[Event]:
    """All events of a rehearsal in which the trainee says `said`, with engines that are scripted."""
    # Times must not hang on a model's weights: unless asked, words neither shorten nor lengthen a silence.
    chosen = load_settings(**{"shortest_silence_share": 1.0, "longest_silence_share": 1.0, **settings})
    with Performer(SCRIPTED) as client, Performer(SCRIPTED) as coach:
        studio = Studio(
            chosen,
            device or quiet_room(said),
            voice or client,
            coach,
            transcriber or ScriptedTranscriber([text for *_, text in said]),
            ScriptedDetector(window=320),
            NoCanceller(),
            store,
            duplex=duplex,
        )
        events = []
        for event in rehearse(scenario or plain(), studio, introduce):
            if watch is not None:
                watch(event, studio)
            events.append(event)
        return events


def told(events: Iterable[Event], rate: int = CLOCK_HZ) -> list[str]:
    """The events as lines of text, times in seconds to a hundredth."""
    return [line for event in events if (line := _line(event, rate))]


def _line(event: Event, rate: int) -> str:
    at = f"{event.at / rate:.2f}"
    match event:
        case RehearsalStarted():
            return f"{at} begins {event.scenario}"
        case LineStarted():
            return f"{at} client begins {event.line}"
        case LineEnded():
            return f"{at} client ends {event.line}{'' if event.complete else ', cut off'}"
        case ClientYielded():
            return f"{at} client yields"
        case TraineeStarted():
            return f"{at} trainee begins"
        case UtteranceHeard():
            return f"{at} {event.utterance.speaker}: {event.utterance.text}"
        case TurnEnded():
            return f"{at} turn ended, decided at {event.decided_at / rate:.2f}"
        case TrustChanged():
            return f"{at} trust {event.before} -> {event.after}"
        case LapseHeard():
            return f"{at} lapse"
        case CommandHeard():
            return f"{at} command {event.command}"
        case Trouble():
            return f"{at} trouble: {event.what}"
        case Notice():
            return f"{at} notice: {event.what}"
        case CoachSpoke():
            return f"{at} coach"
        case RehearsalEnded():
            return f"{at} ends{'' if event.finished else ' early'}"
        case _:
            return ""
