"""Level 1, murmurs under the loudspeaker's voice, of harmonics and noise with known truth.

loudspeaker   ########..########
trainee       ....mm-hm.........      found
echo          --------..--------      not: it has the loudspeaker's pitch, or lies far under it
"""

from __future__ import annotations

import numpy as np
import pytest
from test_voicing import AH, EE, EH, MM, OO, RATE, UH, silence, voiced, word

from simulator.audio.device import BLOCK
from simulator.audio.murmurs import Listener, find, level_db
from simulator.audio.pitch import Tracker, track
from simulator.audio.sound import Samples
from simulator.audio.span import Span

LENGTH = round(2.4 * RATE)


def room(level: float = 0.004, seed: int = 1) -> Samples:
    return (level * np.random.default_rng(seed).standard_normal(LENGTH)).astype(np.float32)


def put(sound: Samples, part: Samples, at_s: float, gain: float = 1.0) -> Samples:
    out = sound.copy()
    at = round(at_s * RATE)
    out[at : at + len(part)] += np.float32(gain) * part
    return out


def client() -> Samples:
    """A loudspeaker's voice of another pitch, words with short silences."""
    said = np.zeros(LENGTH, np.float32)
    for at_s in (0.0, 0.75, 1.5):
        said = put(said, voiced((EH, AH, EE, UH, OO), 0.7, 210, 165), at_s)
    return said


MURMURS = {
    "mm": voiced((MM,), 0.35),
    "mm-hm": np.concatenate([voiced((MM,), 0.2), silence(0.08), voiced((MM,), 0.25, 125, 135)]),
    "yeah": voiced((EE, EH, UH), 0.35, 130, 110),
}


@pytest.mark.parametrize("murmur", MURMURS.values(), ids=MURMURS)
@pytest.mark.parametrize("playing", [True, False], ids=["over a voice", "in its pause"])
def test_a_murmur_is_found_where_it_lies(murmur: Samples, playing: bool) -> None:
    played = client() if playing else silence(2.4)
    heard = put(room(), murmur, 1.2) + np.float32(0.02) * played
    (found,) = find(heard, played, RATE)
    truth = Span(round(1.2 * RATE), round(1.2 * RATE) + len(murmur))
    assert abs(found.start - truth.start) < 0.08 * RATE
    assert abs(found.end - truth.end) < 0.08 * RATE


@pytest.mark.parametrize("gain", [0.02, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("late_s", [0.0, 0.06, 0.12])
def test_what_is_left_of_the_loudspeaker_is_none(gain: float, late_s: float) -> None:
    played = client()
    heard = room(0.0005) + np.float32(gain) * np.roll(played, round(late_s * RATE))
    assert find(heard, played, RATE) == ()


def test_before_the_trainee_is_heard_once_less_of_it_may_be_the_loudspeakers() -> None:
    """Half of it has the loudspeaker's pitch, by chance or because the filter has not learnt it yet."""
    murmur = np.concatenate([voiced((MM,), 0.25, 210, 210), voiced((MM,), 0.25)])
    heard, played = put(room(), murmur, 1.2), put(client(), voiced((AH,), 0.6, 210, 210), 1.0)
    assert find(heard, played, RATE) == ()
    assert len(find(heard, played, RATE, level_db(word(), RATE))) == 1


def test_a_shorter_one_is_enough_where_it_is_as_loud_as_the_trainee() -> None:
    heard = put(room(), voiced((MM,), 0.21), 1.2)
    own = level_db(voiced((MM,), 0.5), RATE)
    assert own is not None
    assert len(find(heard, silence(2.4), RATE, own)) == 1
    assert find(heard, silence(2.4), RATE, own + 8) == ()
    assert find(heard, silence(2.4), RATE) == ()


def test_soft_voices_far_away_are_none() -> None:
    heard = put(room(0.0005), MURMURS["mm"], 1.2, gain=0.1)
    voice = level_db(word(), RATE)
    assert voice is not None
    assert find(heard, silence(2.4), RATE, voice) == ()
    assert find(heard, silence(2.4), RATE, voice - 20) != ()


def test_noises_without_a_pitch_and_hums_that_stay_are_none() -> None:
    burst = (0.1 * np.random.default_rng(2).standard_normal(RATE // 3)).astype(np.float32)
    assert find(put(room(), burst, 1.2), silence(2.4), RATE) == ()
    assert find(room() + voiced((MM,), 2.4), silence(2.4), RATE) == ()
    assert find(room(), silence(2.4), RATE) == ()
    assert find(silence(0), silence(0), RATE) == ()


def test_the_end_of_something_longer_is_none() -> None:
    assert find(put(room(), MURMURS["mm"], 0.1), silence(2.4), RATE) == ()


def test_one_that_goes_on_is_waited_for_and_long_speech_is_none() -> None:
    assert find(put(room(), MURMURS["mm"], 2.0), silence(2.4), RATE) == ()
    assert find(put(room(), voiced((AH, EE, OO, EH, UH), 1.3), 0.5), silence(2.4), RATE) == ()


def listened(heard: Samples, played: Samples, taken: Span | None = None, back: bool = False) -> list[Span]:
    murmurs = Listener(RATE)
    told: list[Span] = []
    for at in range(0, len(heard) - BLOCK + 1, BLOCK):
        part = slice(at, at + BLOCK)
        murmurs.keep(at, heard[part], played[part])
        if taken is not None and taken.end <= at < taken.end + BLOCK:
            murmurs.take(taken, heard[taken.start : taken.end])
        if back and taken is not None and taken.end + RATE // 2 <= at < taken.end + RATE // 2 + BLOCK:
            murmurs.give_back(taken)
        told += murmurs.heard(None)
    return told


def test_ears_tell_each_murmur_once_and_only_within_what_is_played() -> None:
    said = np.concatenate([client(), silence(1.0), client(), silence(3)])
    heard = np.concatenate([room(), room(seed=2), room(seed=3), room(seed=4)])[: len(said)]
    over, pause, after = (put(heard, MURMURS["mm"], at) for at in (1.2, 2.7, 6.5))
    assert len(listened(over, said)) == 1
    assert len(listened(pause, said)) == 1
    # After its end the trainee has the word: that is no murmur.
    assert listened(after, said) == []


def test_what_the_detector_heard_is_no_murmur_unless_it_held_no_words() -> None:
    said = np.concatenate([client(), client()])
    heard = put(np.concatenate([room(), room(seed=2)]), MURMURS["mm"], 1.2)
    (murmur,) = listened(heard, said)
    assert listened(heard, said, taken=murmur) == []
    assert listened(heard, said, taken=murmur, back=True) == [murmur]


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param([(at, LENGTH) for at in range(0, LENGTH, RATE // 5)], id="most of it known"),
        pytest.param([(0, 8000), (0, 16_000), (1600, 16_000)], id="it grows, then goes on"),
        pytest.param([(0, 16_000), (3200, 16_000), (3300, 16_000)], id="other frames"),
        pytest.param([(0, 8000), (20_000, 8000), (3200, 8000)], id="nothing in common"),
        pytest.param([(0, 16_000), (1600, 8000), (1600, 100), (1600, 16_000)], id="shorter, and too short"),
    ],
)
def test_what_is_known_of_the_last_look_gives_the_same_track(looks: list[tuple[int, int]]) -> None:
    sound = np.concatenate([put(room(), MURMURS["mm-hm"], 1.2), client()])
    tracker = Tracker(RATE)
    for at, length in looks:
        part = sound[at : at + length]
        followed, whole = tracker.track(part, at), track(part, RATE)
        np.testing.assert_array_equal(followed.middles, whole.middles)
        np.testing.assert_allclose(followed.pitch_st, whole.pitch_st)
        np.testing.assert_allclose(followed.periodicity, whole.periodicity)
        np.testing.assert_allclose(followed.power, whole.power)
