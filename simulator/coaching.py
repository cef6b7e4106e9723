"""The coach's mouth: one sentence after another, which the trainee may skip."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.audio.device import Device
from simulator.audio.span import to_samples
from simulator.events import CoachSpoke, Event
from simulator.studio import Studio

HARD_LIMIT_S = 30.0
"""No single wait for a playback to end lasts longer than this beyond the sound's own length."""


def say(studio: Studio, device: Device, sentence: str, pause_s: float) -> Iterator[Event]:
    """Sound one sentence of the coach after a pause; nothing is listened to meanwhile.

    A key skips what is left of it; nothing is said once the trainee has asked to stop.
    """
    if studio.stop_asked:
        return
    performance = studio.coach.perform((sentence,))
    for _ in range(to_samples(pause_s, device.rate) // device.block):
        device.read()
    playback = device.play(performance.sound.samples)
    told = False
    limit = device.now + len(performance.sound) + to_samples(HARD_LIMIT_S, device.rate)
    while not playback.done and device.now < limit:
        if not told and playback.start is not None:
            told = True
            yield CoachSpoke(playback.start, sentence)
        if studio.stop_asked or studio.keys():
            playback.stop(to_samples(studio.settings.yield_fade_s, device.rate))
        device.read()
