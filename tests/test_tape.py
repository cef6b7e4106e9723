from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from simulator.audio.device import BLOCK, CLOCK_HZ
from simulator.audio.room import Room
from simulator.audio.sound import Samples, read_wav
from simulator.audio.tape import Recorder, Tape
from simulator.errors import DeviceLost, StoreError, StoreFull


def noise(count: int, seed: int = 1) -> Samples:
    return (np.random.default_rng(seed).standard_normal(count) * 0.1).astype(np.float32)


def test_a_tape_is_heard_and_ends() -> None:
    recorded = noise(2 * BLOCK + 10)
    tape = Tape(recorded)
    track = np.concatenate([tape.read().heard for _ in range(3)])
    np.testing.assert_array_equal(track[: len(recorded)], recorded)
    assert not track[len(recorded) :].any()
    with pytest.raises(EOFError, match=r"0\.06 s"):
        tape.read()


def test_silence_after_the_tape() -> None:
    tape = Tape(noise(BLOCK), silence_after_s=0.04)
    assert [bool(tape.read().heard.any()) for _ in range(3)] == [True, False, False]
    with pytest.raises(EOFError):
        tape.read()


def test_a_recorded_loudspeaker_comes_back_as_played() -> None:
    heard, played = noise(2 * BLOCK), noise(BLOCK, seed=2)
    tape = Tape(heard, played)
    first, second = tape.read(), tape.read()
    np.testing.assert_array_equal(first.played, played)
    assert not second.played.any()


def test_what_is_played_to_a_tape_is_kept_in_its_place() -> None:
    tape, sound = Tape(np.zeros(10 * BLOCK, np.float32)), noise(2 * BLOCK)
    tape.read()
    tape.play(sound)
    for _ in range(4):
        tape.read()
    np.testing.assert_array_equal(tape.sounded[BLOCK : 3 * BLOCK], sound)
    assert len(tape.sounded) == tape.now
    assert not tape.sounded[3 * BLOCK :].any()


def test_a_closed_tape_is_lost() -> None:
    with Tape(noise(BLOCK)) as tape:
        pass
    with pytest.raises(DeviceLost, match="closed"):
        tape.read()


def test_a_recording_played_again_is_the_same(tmp_path: Path) -> None:
    with Recorder(Room(), tmp_path / "heard.wav", tmp_path / "played.wav") as device:
        device.play(noise(3000))
        blocks = [device.read() for _ in range(60)]
    assert device.trouble is None
    heard, played = read_wav(tmp_path / "heard.wav"), read_wav(tmp_path / "played.wav")
    assert heard.rate == CLOCK_HZ
    with Tape(heard.samples, played.samples) as tape:
        for block in blocks:
            again = tape.read()
            assert again.span == block.span
            np.testing.assert_allclose(again.heard, block.heard, atol=1e-4)
            np.testing.assert_allclose(again.played, block.played, atol=1e-4)


def test_a_recorder_without_files_keeps_both_tracks_in_memory() -> None:
    with Recorder(Room()) as device:
        assert len(device.heard) == 0
        device.play(noise(BLOCK))
        blocks = [device.read() for _ in range(3)]
    np.testing.assert_array_equal(device.heard.samples, np.concatenate([b.heard for b in blocks]))
    np.testing.assert_array_equal(device.played.samples, np.concatenate([b.played for b in blocks]))


def test_a_crash_leaves_what_there_was(tmp_path: Path) -> None:
    code = """
        import os, sys
        from pathlib import Path
        from simulator.audio.room import Room
        from simulator.audio.tape import Recorder
        device = Recorder(Room(), Path(sys.argv[1]))
        for _ in range(120):
            device.read()
        os.kill(os.getpid(), 9)
    """
    path = tmp_path / "heard.wav"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(path)], env=environment)
    assert done.returncode == -9
    assert len(read_wav(path)) == 2 * CLOCK_HZ


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        Recorder(Room(), tmp_path / "nowhere" / "heard.wav")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full to fill a disk with")
def test_a_full_disk_ends_the_recording_and_not_the_rehearsal() -> None:
    try:
        device = Recorder(Room(), Path("/dev/full"))
    except StoreFull as error:
        assert "full" in str(error)
        assert isinstance(error.__cause__, OSError)
        assert error.__cause__.errno == errno.ENOSPC
        return
    with device:
        for _ in range(120):
            device.read()
    assert isinstance(device.trouble, StoreFull)
