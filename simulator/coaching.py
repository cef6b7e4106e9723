"""The coach's mouth: one sentence after another, which the trainee may skip."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from simulator.audio.device import Device
from simulator.audio.span import to_samples
from simulator.events import CoachSpoke, Event, Notice, Trouble
from simulator.studio import Studio

HARD_LIMIT_S = 30.0
"""No single wait for a playback to end lasts longer than this beyond the sound's own length."""

COACH_PAUSE_S = 0.4
"""A breath between the client's last word and the coach's first, so that nobody confuses them."""


class Coach:
    """Speaks between the turns. Nothing is listened to meanwhile; `pass_by` takes each block.

    `aloud`: troubles and notices that are given to it are said too, once, when nobody else speaks.
    """

    def __init__(self, studio: Studio, device: Device, pass_by: Callable[[], None], aloud: bool):
        self._studio, self._device, self._pass_by, self._aloud = studio, device, pass_by, aloud
        self._waiting: list[str] = []
        self._told: set[str] = set()

    def notice(self, what: str) -> Notice:
        """The event that shows it; it is said by the next `tell`."""
        self._waiting.append(what)
        return Notice(self._device.now, what)

    def trouble(self, at: int, what: str) -> Trouble:
        """The event that shows it; it is said by the next `tell`."""
        self._waiting.append(what)
        return Trouble(at, what)

    def tell(self) -> Iterator[Event]:
        """Say what was only shown until now."""
        waiting, self._waiting = dict.fromkeys(self._waiting), []
        for what in waiting:
            if self._aloud and what not in self._told:
                self._told.add(what)
                yield from self.say(what)

    def say(self, sentence: str, pause_s: float = COACH_PAUSE_S) -> Iterator[Event]:
        """Sound one sentence after a pause.

        A key skips what is left of it, a `q` all that would follow; nothing is said once the trainee has
        asked to stop.
        """
        studio, device = self._studio, self._device
        if studio.stop_asked:
            return
        performance = studio.coach.perform((sentence,))
        if studio.coach.trouble:
            yield Trouble(device.now, studio.coach.trouble)
            studio.coach.trouble = None
        for _ in range(to_samples(pause_s, device.rate) // device.block):
            self._pass_by()
        playback = device.play(performance.sound.samples)
        told = False
        limit = device.now + len(performance.sound) + to_samples(HARD_LIMIT_S, device.rate)
        while not playback.done and device.now < limit:
            if not told and playback.start is not None:
                told = True
                yield CoachSpoke(playback.start, sentence)
            keys = studio.keys()
            studio.stop_asked = studio.stop_asked or "q" in keys
            if studio.stop_asked or keys:
                playback.stop(to_samples(studio.settings.yield_fade_s, device.rate))
            self._pass_by()
