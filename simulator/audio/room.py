"""A device that is a simulated room: a loudspeaker its microphone hears, noise, and a second mouth.

    loudspeaker --delay, impulse response, level--+
    noise ----------------------------------------+--> microphone
    second mouth (the trainee) -------------------+

Two rooms with the same arguments that are asked the same things at the same moments give the same samples.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self

import numpy as np

from simulator.audio.device import BLOCK, CLOCK_HZ, Block, Playback
from simulator.audio.sound import Samples
from simulator.audio.sounding import Sounding, mix
from simulator.audio.span import Span, to_samples
from simulator.errors import DeviceLost

Pace = Literal["free", "real"]
"""`free`: the clock advances when it is read, as fast as the machine allows. `real`: with the wall clock."""


def impulse_response(rate: int, seed: int = 0, length_s: float = 0.08, decay_s: float = 0.15) -> Samples:
    """A small room: a direct path and noise that decays exponentially, energy 1.

    `decay_s` is the reverberation time (to -60 dB); shape (`length_s * rate`,).
    """
    count = max(1, to_samples(length_s, rate))
    at_s = np.arange(count) / rate
    tail = np.random.default_rng(seed).standard_normal(count) * 10 ** (-3 * at_s / decay_s) * 0.15
    tail[0] = 1.0
    return np.asarray(tail / np.sqrt(np.sum(tail**2)), np.float32)


class Room:
    """A simulated room. A context manager.

    Args:
        rate: of the clock, in Hz.
        block: samples in a block.
        echo_delay_s: from the loudspeaker to the microphone.
        echo_db: level of the echo relative to what is played (exact for white noise); `None`: no echo, as
            with headphones.
        noise_db: level of white noise, relative to full scale; `None`: none.
        noise: a recorded noise at the clock's rate, at its own level, over and over from moment 0, on top of
            the white one; `None`: none.
        response: impulse response from loudspeaker to microphone, used at energy 1; `None`: a small
            synthetic room.
        seed: of the noise and the synthetic room.
        pace: see `Pace`. At real pace blocks accumulate while the caller is busy, and `play` begins after
            what has sounded meanwhile, as with a sound card.
        output_latency_s: from `play` to the first sample; 0 at free pace and 0.02 at real pace by default.
        wall_s: the wall clock for real pace.
        wait_s: waits for a number of seconds of that clock.
    """

    def __init__(
        self,
        rate: int = CLOCK_HZ,
        block: int = BLOCK,
        echo_delay_s: float = 0.06,
        echo_db: float | None = -12.0,
        noise_db: float | None = -60.0,
        response: Samples | None = None,
        seed: int = 0,
        pace: Pace = "free",
        output_latency_s: float | None = None,
        wall_s: Callable[[], float] = time.monotonic,
        wait_s: Callable[[float], None] = time.sleep,
        noise: Samples | None = None,
    ):
        self.rate, self.block = rate, block
        self.live = pace == "real"
        self.name = "simulated room"
        self._now = 0
        self._closed = False
        self._wall_s, self._wait_s = wall_s, wait_s
        self._opened_s = wall_s()
        latency_s = output_latency_s if output_latency_s is not None else (0.02 if self.live else 0.0)
        self._latency = to_samples(latency_s, rate)
        self._random = np.random.default_rng(seed)
        self._noise = 0.0 if noise_db is None else 10 ** (noise_db / 20)
        self._recorded_noise = np.zeros(0, np.float32) if noise is None else np.asarray(noise, np.float32)
        self._path = self._echo_path(response, seed, to_samples(echo_delay_s, rate), echo_db)
        self._past = np.zeros(max(0, len(self._path) - 1), np.float32)
        self._sounding: list[Sounding] = []
        self._mouth: list[Sounding] = []

    def _echo_path(self, response: Samples | None, seed: int, delay: int, echo_db: float | None) -> Samples:
        """Delay, response and level as one filter; empty where there is no echo."""
        if echo_db is None:
            return np.zeros(0, np.float32)
        given = impulse_response(self.rate, seed) if response is None else np.asarray(response, np.float32)
        energy = float(np.sum(np.square(given, dtype=np.float64)))
        gain = 10 ** (echo_db / 20) / np.sqrt(energy) if energy > 0 else 0.0
        return np.concatenate([np.zeros(delay), given * gain]).astype(np.float32)

    @property
    def now(self) -> int:
        """Samples read so far."""
        return self._now

    @property
    def waiting(self) -> int:
        """Blocks that have been heard and not been read; always 0 at free pace."""
        return (self._next_free() - self._now) // self.block

    @property
    def said(self) -> tuple[Span, ...]:
        """Where the second mouth has spoken or will speak: the truth a test measures against."""
        return tuple(sound.span for sound in self._mouth if sound.span)

    def read(self) -> Block:
        """The next block; at real pace, waits until it has been heard.

        Raises:
            DeviceLost: the room was closed.
        """
        if self._closed:
            raise DeviceLost("The simulated room is closed. Open a new one.")
        span = Span(self._now, self._now + self.block)
        if self.live:
            self._wait_until(span.end)
        self._sounding = [sound for sound in self._sounding if sound.span.end > span.start]
        played = np.clip(mix(self._sounding, span), -1, 1)
        heard = mix(self._mouth, span) + self._echo(played)
        if self._noise:
            heard += self._random.standard_normal(self.block, dtype=np.float32) * np.float32(self._noise)
        if len(self._recorded_noise):
            heard += np.take(self._recorded_noise, np.arange(span.start, span.end), mode="wrap")
        self._now = span.end
        return Block(span, np.clip(heard, -1, 1), played)

    def play(self, samples: Samples) -> Playback:
        """Sound `samples` from the next block on (plus the latency); what was sounding is stopped."""
        for sound in self._sounding:
            sound.stop()
        sound = Sounding(samples, self._next_audible(), lambda: self._now, self._next_audible)
        self._sounding.append(sound)
        return sound

    def say(self, samples: Samples, at: int = 0) -> Span:
        """The second mouth speaks at the clock's moment `at`, or at once if that is past; returns where."""
        sound = Sounding(samples, max(at, self._next_free()), lambda: self._now, self._next_free)
        self._mouth.append(sound)
        return sound.span

    def hush(self) -> None:
        """The second mouth stops, and forgets what it was going to say."""
        for sound in self._mouth:
            if sound.span.end > self._next_free():
                sound.stop()

    def close(self) -> None:
        """Close the room. A second call changes nothing."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _next_free(self) -> int:
        """The first moment that has not sounded: whole blocks, as a sound card hears them."""
        if not self.live:
            return self._now
        elapsed = round((self._wall_s() - self._opened_s) * self.rate)
        return max(self._now, elapsed // self.block * self.block)

    def _next_audible(self) -> int:
        return self._next_free() + self._latency

    def _wait_until(self, moment: int) -> None:
        while (missing_s := self._opened_s + moment / self.rate - self._wall_s()) > 0:
            self._wait_s(missing_s)

    def _echo(self, played: Samples) -> Samples:
        """What the microphone hears of the loudspeaker in this block."""
        if not len(self._path):
            return np.zeros(len(played), np.float32)
        sounded = np.concatenate([self._past, played])
        self._past = sounded[len(played) :]
        if not sounded.any():
            return np.zeros(len(played), np.float32)
        return np.convolve(sounded, self._path, mode="valid").astype(np.float32)
