"""One contract, every device: the room at both paces, the tape, the recorder, and a real stream."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from pulse import missing, running

from simulator.audio.device import BLOCK, CLOCK_HZ, Block, Device
from simulator.audio.portaudio import PortAudioDevice
from simulator.audio.room import Room
from simulator.audio.sound import Samples
from simulator.audio.span import Span
from simulator.audio.tape import Recorder, Tape
from simulator.errors import DeviceLost

Make = Callable[[], Device]


class Wall:
    """A wall clock that goes on only when somebody waits."""

    def __init__(self) -> None:
        self.s = 0.0

    def read(self) -> float:
        return self.s

    def wait(self, seconds: float) -> None:
        self.s += seconds


def real_room() -> Device:
    wall = Wall()
    return Room(pace="real", wall_s=wall.read, wait_s=wall.wait)


@contextlib.contextmanager
def card() -> Iterator[Make]:
    """PortAudio on a server of its own: it reads the environment when it is initialised."""
    import sounddevice

    with running() as pulse, pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_RUNTIME_DIR", "PULSE_RUNTIME_PATH", "PULSE_SERVER", "PULSE_COOKIE"):
            patch.setenv(name, pulse.environment[name])
        sounddevice._terminate()
        sounddevice._initialize()
        yield PortAudioDevice
        sounddevice._terminate()
    sounddevice._initialize()


MAKERS: dict[str, Make] = {
    "room": Room,
    "room at real pace": real_room,
    "tape": lambda: Tape(np.zeros(CLOCK_HZ, np.float32), silence_after_s=math.inf),
    "recorder": lambda: Recorder(Room()),
}


@pytest.fixture(scope="module", params=[*MAKERS, pytest.param("card", marks=pytest.mark.card)])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    if request.param != "card":
        yield MAKERS[request.param]
    elif (reason := missing()) is not None:
        pytest.skip(reason)
    else:
        with card() as maker:
            yield maker


def noise(count: int) -> Samples:
    return (np.random.default_rng(1).standard_normal(count) * 0.1).astype(np.float32)


def read_until(device: Device, done: Callable[[], bool], most: int = 200) -> list[Block]:
    """Blocks until `done`, and one more; gives up after `most` of them."""
    blocks = []
    while not done():
        assert len(blocks) < most, "it is never done"
        blocks.append(device.read())
    return [*blocks, device.read()]


def played(blocks: list[Block], span: Span) -> Samples:
    track = np.concatenate([block.played for block in blocks])
    start = blocks[0].span.start
    return track[span.start - start : span.end - start]


def test_the_clock_counts_samples(make: Make) -> None:
    with make() as device:
        assert (device.rate, device.block, device.now) == (CLOCK_HZ, BLOCK, 0)
        assert device.name
        for index in range(5):
            block = device.read()
            assert block.span == Span(index * BLOCK, (index + 1) * BLOCK)
            assert device.now == block.span.end


def test_a_block_has_both_tracks(make: Make) -> None:
    with make() as device:
        block = device.read()
        for track in (block.heard, block.played):
            assert track.shape == (BLOCK,)
            assert track.dtype == np.float32
            assert np.abs(track).max() <= 1
        assert not block.played.any()
        assert block.dropped is False


def test_waiting_blocks_are_there_to_be_read(make: Make) -> None:
    with make() as device:
        device.read()
        before, waiting = device.now, device.waiting
        for _ in range(waiting):
            device.read()
        assert device.now == before + waiting * BLOCK
        if not device.live:
            assert waiting == 0


def test_a_sound_is_played_whole_and_in_its_place(make: Make) -> None:
    sound = noise(5 * BLOCK + 7)
    with make() as device:
        for _ in range(3):
            device.read()
        at = device.now
        playback = device.play(sound)
        assert playback.sounded == 0
        assert not playback.done
        blocks = read_until(device, lambda: playback.done)
        assert playback.start is not None
        assert playback.start >= at
        assert playback.sounded == len(sound)
        place = Span(playback.start, playback.start + len(sound))
        np.testing.assert_allclose(played(blocks, place), sound, atol=1e-6)
        assert sum(float(np.abs(block.played).sum()) for block in blocks) == pytest.approx(
            float(np.abs(sound).sum()), rel=1e-4
        )


def test_sounded_follows_the_clock(make: Make) -> None:
    with make() as device:
        device.read()
        playback = device.play(noise(4 * BLOCK))
        while not playback.done:
            device.read()
            if playback.start is None:
                assert playback.sounded == 0
            else:
                assert playback.sounded == min(max(0, device.now - playback.start), 4 * BLOCK)


def test_a_stopped_sound_fades_and_ends_early(make: Make) -> None:
    sound, fade = np.full(10 * CLOCK_HZ, 0.5, np.float32), BLOCK
    with make() as device:
        device.read()
        playback = device.play(sound)
        blocks = read_until(device, lambda: playback.sounded > BLOCK)
        playback.stop(fade)
        playback.stop(10 * fade)
        blocks += read_until(device, lambda: playback.done)
        assert playback.start is not None
        assert BLOCK < playback.sounded < CLOCK_HZ
        end = playback.start + playback.sounded
        tail = played(blocks, Span(end - fade, end))
        assert np.all(np.diff(tail) < 0)
        assert tail[0] == pytest.approx(0.5, abs=0.01)
        assert tail[-1] == pytest.approx(0, abs=0.01)


def test_a_sound_stopped_at_once_comes_to_an_end(make: Make) -> None:
    with make() as device:
        device.read()
        playback = device.play(np.full(10 * CLOCK_HZ, 0.5, np.float32))
        playback.stop()
        read_until(device, lambda: playback.done)
        assert playback.sounded < CLOCK_HZ


def test_an_empty_sound_is_done(make: Make) -> None:
    with make() as device:
        playback = device.play(np.zeros(0, np.float32))
        assert playback.done
        assert playback.sounded == 0


def test_the_next_sound_stops_the_one_before(make: Make) -> None:
    with make() as device:
        device.read()
        first = device.play(np.full(10 * CLOCK_HZ, 0.5, np.float32))
        blocks = read_until(device, lambda: first.sounded > 0)
        second = device.play(np.full(3 * BLOCK, -0.25, np.float32))
        blocks += read_until(device, lambda: second.done)
        assert first.done
        assert first.start is not None
        assert second.start is not None
        assert first.start + first.sounded <= second.start
        inner = Span(second.start, second.start + 3 * BLOCK)
        np.testing.assert_allclose(played(blocks, inner), -0.25, atol=1e-6)


def test_closing_twice_changes_nothing(make: Make) -> None:
    device = make()
    device.read()
    device.close()
    device.close()
    if not isinstance(device, Recorder):
        with pytest.raises(DeviceLost, match=r"pen"):
            for _ in range(1000):
                device.read()
