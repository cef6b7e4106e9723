from __future__ import annotations

import numpy as np
import pytest

from simulator.audio.device import BLOCK
from simulator.audio.room import Room, impulse_response
from simulator.audio.sound import Samples, level_db
from simulator.audio.span import Span
from simulator.errors import DeviceLost


def noise(count: int, seed: int = 1) -> Samples:
    return (np.random.default_rng(seed).standard_normal(count) * 0.1).astype(np.float32)


def heard(room: Room, blocks: int) -> Samples:
    return np.concatenate([room.read().heard for _ in range(blocks)])


def quiet_room(**options: object) -> Room:
    return Room(noise_db=None, **options)  # type: ignore[arg-type]


def test_the_mouth_is_heard_where_it_was_asked_to_speak() -> None:
    room, words = quiet_room(), noise(1000)
    span = room.say(words, at=777)
    track = heard(room, 10)
    assert span == Span(777, 1777)
    assert room.said == (span,)
    np.testing.assert_array_equal(track[777:1777], words)
    assert not track[:777].any()
    assert not track[1777:].any()


def test_a_moment_that_is_past_means_at_once() -> None:
    room = quiet_room()
    heard(room, 3)
    assert room.say(noise(100), at=5) == Span(3 * BLOCK, 3 * BLOCK + 100)


def test_hush_stops_the_mouth_and_what_it_was_going_to_say() -> None:
    room = quiet_room()
    room.say(noise(4 * BLOCK))
    room.say(noise(BLOCK), at=8 * BLOCK)
    heard(room, 2)
    room.hush()
    assert not heard(room, 10).any()
    assert room.said == (Span(0, 2 * BLOCK),)


def test_the_echo_comes_late_and_at_its_level() -> None:
    room, sound = quiet_room(echo_delay_s=0.05, echo_db=-12.0), noise(32_000)
    room.play(sound)
    track = heard(room, 120)
    assert not track[:800].any()
    assert track[800] != 0
    assert level_db(track[2400:32_000]) - level_db(sound) == pytest.approx(-12, abs=0.5)


def test_a_given_response_is_used_at_energy_one() -> None:
    room = quiet_room(echo_delay_s=0.0, echo_db=-6.0, response=np.array([0, 2.0], np.float32))
    sound = noise(BLOCK)
    room.play(sound)
    np.testing.assert_allclose(heard(room, 1)[1:], sound[:-1] * 10 ** (-6 / 20), rtol=1e-4)


def test_headphones_have_no_echo() -> None:
    room = quiet_room(echo_db=None)
    room.play(noise(1000))
    assert not heard(room, 10).any()


def test_echo_and_mouth_add_up() -> None:
    apart, together = [quiet_room(), quiet_room()], quiet_room()
    apart[0].play(noise(3000))
    apart[1].say(noise(3000, seed=2))
    together.play(noise(3000))
    together.say(noise(3000, seed=2))
    np.testing.assert_allclose(heard(together, 20), heard(apart[0], 20) + heard(apart[1], 20), atol=1e-6)


def test_noise_has_its_level() -> None:
    assert level_db(heard(Room(noise_db=-50), 100)) == pytest.approx(-50, abs=0.3)


def test_the_same_seed_gives_the_same_room() -> None:
    tracks = []
    for seed in (3, 3, 4):
        room = Room(seed=seed)
        room.play(noise(2000))
        tracks.append(heard(room, 10))
    np.testing.assert_array_equal(tracks[0], tracks[1])
    assert np.abs(tracks[0] - tracks[2]).max() > 1e-4


def test_the_response_dies_away() -> None:
    response = impulse_response(16_000)
    assert float(np.sum(response**2)) == pytest.approx(1, abs=1e-4)
    assert level_db(response[-160:]) < level_db(response[:160]) - 20


def test_output_latency_delays_the_sound() -> None:
    room = quiet_room(output_latency_s=0.02)
    assert room.play(noise(100)).start == BLOCK


def test_a_closed_room_is_lost() -> None:
    with Room() as room:
        pass
    with pytest.raises(DeviceLost, match="closed"):
        room.read()


class Wall:
    """A wall clock a test turns by hand."""

    def __init__(self) -> None:
        self.s = 100.0

    def wait(self, seconds: float) -> None:
        self.s += seconds


def real_room(wall: Wall) -> Room:
    return quiet_room(pace="real", output_latency_s=0.0, wall_s=lambda: wall.s, wait_s=wall.wait)


def test_at_real_pace_reading_waits_for_the_wall_clock() -> None:
    wall = Wall()
    heard(real_room(wall), 50)
    assert wall.s == pytest.approx(101.0)


def test_at_real_pace_blocks_accumulate_while_the_caller_is_busy() -> None:
    wall = Wall()
    room = real_room(wall)
    heard(room, 5)
    wall.s += 0.2
    assert room.waiting == 10
    heard(room, 10)
    assert room.waiting == 0
    assert wall.s == pytest.approx(100.3)


def test_at_real_pace_a_late_answer_sounds_late() -> None:
    """
    read    |----|                    the caller is busy for 0.2 s
    client  ..............######      and so the answer sounds there
    """
    wall = Wall()
    room = real_room(wall)
    heard(room, 5)
    wall.s += 0.205
    playback = room.play(noise(100))
    assert playback.start == 15 * BLOCK
    assert room.say(noise(10), at=0).start == 15 * BLOCK
    blocks = [room.read() for _ in range(11)]
    assert [bool(block.played.any()) for block in blocks] == [False] * 10 + [True]
    assert playback.done


def test_at_real_pace_a_late_stop_cannot_take_back_what_has_sounded() -> None:
    wall = Wall()
    room = real_room(wall)
    playback = room.play(noise(100 * BLOCK))
    wall.s += 0.2
    playback.stop()
    heard(room, 20)
    assert playback.sounded == 10 * BLOCK
