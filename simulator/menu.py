"""The short menu of scenarios: printed, spoken, and answered by voice or by key."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console

from simulator.audio.device import Device
from simulator.audio.echo import NoCanceller, open_canceller
from simulator.audio.span import to_samples
from simulator.dialogue.endpoint import TurnOver
from simulator.dialogue.scenario import Scenario, load_scenario, scenario_names
from simulator.dialogue.turns import Utterance
from simulator.errors import SettingsError
from simulator.language import load_language, tokens
from simulator.listening import Ears
from simulator.settings import Settings
from simulator.speech.engines import open_detector, open_transcriber
from simulator.speech.voices import Performer, load_profile

ANSWER_WITHIN_S = 8.0
"""Silence after which the first scenario is taken."""


def choose_scenario(device: Device | None, settings: Settings, console: Console) -> str:
    """The name of the scenario that was chosen; the first one where nobody can answer or nobody does.

    `device` is where the menu is spoken and answered, `None` where there is nobody to hear it.
    """
    known = [load_scenario(name) for name in scenario_names()]
    if not known:
        raise SettingsError("There is no scenario. Install the program again, or write one: see the README.")
    for number, scenario in enumerate(known, 1):
        console.print(f"  {number}  {scenario.title}", highlight=False)
    chosen = None if device is None else _ask(device, known, settings, console)
    if chosen is None:
        chosen = known[0]
        console.print(f"Taking the first: {chosen.title}", style="dim")
    return chosen.id


def _ask(device: Device, known: Sequence[Scenario], settings: Settings, console: Console) -> Scenario | None:
    language = load_language(settings.language)
    spoken = ". ".join(f"{number}: {scenario.title}" for number, scenario in enumerate(known, 1))
    console.print("Say its number or its name.", style="dim")
    with (
        Performer(load_profile(settings.coach_voice), device.rate) as coach,
        open_transcriber(settings.transcriber, settings.language) as transcriber,
    ):
        sound = coach.perform((f"Which rehearsal? {spoken}. Say the number or the name.",)).sound
        canceller = open_canceller() if settings.echo_cancelling else NoCanceller()
        ears = Ears(device, canceller, open_detector("silero"), transcriber, settings)
        playback = device.play(sound.samples)
        until: int | None = None
        said: list[str] = []
        while until is None or device.now < until:
            for heard in ears.listen():
                if isinstance(heard, Utterance):
                    said.append(heard.text)
                if isinstance(heard, TurnOver) and said:
                    playback.stop(device.block)
                    chosen = matching(" ".join(said), known, language.numbers)
                    if chosen is not None or sys.stdin.isatty() is False:
                        return chosen
                    said = []
            if playback.done and until is None:
                until = device.now + to_samples(ANSWER_WITHIN_S, device.rate)
    return None


def matching(text: str, known: Sequence[Scenario], numbers: Sequence[str]) -> Scenario | None:
    """The scenario a person means who says its number ("two", "2") or a word of its name.

    `numbers` are the language's words for one, two, three, in order.
    """
    said = set(tokens(text))
    for index, scenario in enumerate(known):
        number = {str(index + 1), *(numbers[index : index + 1])}
        if said & number:
            return scenario
    for scenario in known:
        if said & (set(scenario.id.split("-")) | set(tokens(scenario.title)) - _common(known)):
            return scenario
    return None


def _common(known: Sequence[Scenario]) -> set[str]:
    """Words that stand in more than one title and so choose nothing."""
    titles = [set(tokens(scenario.title)) for scenario in known]
    return {
        word
        for title in titles
        for word in title
        if sum(word in other for other in titles) > 1 or len(word) < 4
    }
