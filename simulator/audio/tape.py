"""Tapes: a device that plays a recording as its microphone, and a recorder that goes around any device."""

from __future__ import annotations

import contextlib
import errno
import struct
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from simulator.audio.device import BLOCK, CLOCK_HZ, Block, Device, Playback
from simulator.audio.sound import Samples, Sound, to_pcm16
from simulator.audio.sounding import Sounding, mix
from simulator.audio.span import Span
from simulator.errors import DeviceLost, StoreError, StoreFull

FLUSH_EVERY_S = 1.0
"""A recording on disk is never further behind than this."""


class Tape:
    """A device whose microphone is a recording. A context manager.

    Args:
        heard: the recorded microphone, at `rate`.
        played: the recorded loudspeaker, beginning at the same moment; it comes back as `Block.played`.
        rate: of the clock, in Hz.
        block: samples in a block.
        silence_after_s: silence the microphone goes on with after the recording; `math.inf`: for ever.
    """

    def __init__(
        self,
        heard: Samples,
        played: Samples | None = None,
        rate: int = CLOCK_HZ,
        block: int = BLOCK,
        silence_after_s: float = 0.0,
    ):
        self.rate, self.block = rate, block
        self.live = False
        self.name = "tape"
        self._heard = np.asarray(heard, np.float32)
        self._played = np.zeros(0, np.float32) if played is None else np.asarray(played, np.float32)
        self._end = max(len(self._heard), len(self._played)) + silence_after_s * rate
        self._now = 0
        self._closed = False
        self._sounding: list[Sounding] = []

    @property
    def now(self) -> int:
        """Samples read so far."""
        return self._now

    @property
    def waiting(self) -> int:
        """Always 0: a tape waits for its reader."""
        return 0

    @property
    def sounded(self) -> Samples:
        """What was sounded with `play` up to now, on the tape's clock: shape (now,)."""
        return mix(self._sounding, Span(0, self._now))

    def read(self) -> Block:
        """The next block; the last one is filled up with silence.

        Raises:
            EOFError: the tape has come to its end.
            DeviceLost: the tape was closed.
        """
        if self._closed:
            raise DeviceLost("The tape is closed. Open it again.")
        if self._now >= self._end:
            raise EOFError(f"the tape ends after {self._now / self.rate:.2f} s")
        span = Span(self._now, self._now + self.block)
        self._now = span.end
        played = _cut(self._played, span) + mix(self._sounding, span)
        return Block(span, _cut(self._heard, span), played)

    def play(self, samples: Samples) -> Playback:
        """Sound `samples` from the next block on; what was sounding is stopped."""
        for sound in self._sounding:
            sound.stop()
        sound = Sounding(samples, self._now, lambda: self._now, lambda: self._now)
        self._sounding.append(sound)
        return sound

    def close(self) -> None:
        """Close the tape. A second call changes nothing."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _cut(samples: Samples, span: Span) -> Samples:
    """The part inside `span`, filled up with zeros: shape (len(span),)."""
    part = samples[span.start : span.end]
    return np.concatenate([part, np.zeros(len(span) - len(part), np.float32)])


class Track:
    """A WAV file that grows. After a crash it holds all but the last `FLUSH_EVERY_S` and can be opened."""

    def __init__(self, path: Path, rate: int):
        self._file: BinaryIO = path.open("wb")
        self._rate, self._written = rate, 0
        self._unsaved: list[Samples] = []
        self._unsaved_samples = 0
        self._flush_at = max(1, round(FLUSH_EVERY_S * rate))
        try:
            self.flush()
        except OSError:
            with contextlib.suppress(OSError):
                self.close()
            raise

    def append(self, samples: Samples) -> None:
        """The next samples.

        Raises:
            OSError: the file cannot be written.
        """
        self._unsaved.append(samples)
        self._unsaved_samples += len(samples)
        if self._unsaved_samples >= self._flush_at:
            self.flush()

    def flush(self) -> None:
        """Bring everything to the disk, and then the header that says so."""
        data = b"".join(to_pcm16(samples) for samples in self._unsaved)
        self._unsaved, self._unsaved_samples = [], 0
        self._file.seek(_HEADER.size + self._written)
        self._file.write(data)
        self._written += len(data)
        self._file.seek(0)
        self._file.write(_wav_header(self._written, self._rate))
        self._file.flush()

    def close(self) -> None:
        """Write what is left and close. The file is closed even where writing fails.

        Raises:
            OSError: the file cannot be written.
        """
        try:
            self.flush()
        finally:
            self._file.close()


_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")


def _wav_header(data_bytes: int, rate: int) -> bytes:
    """The 44 bytes before 16-bit mono PCM."""
    return _HEADER.pack(
        *(b"RIFF", _HEADER.size - 8 + data_bytes, b"WAVE"),
        *(b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16),
        *(b"data", data_bytes),
    )


class Recorder:
    """A device around a device that keeps both tracks: the microphone as heard, the loudspeaker as played.

    Everything else is the inner device's. A recording that cannot be written never stops a rehearsal: it
    ends, and `trouble` says why.

    Args:
        device: the device; closed with the recorder.
        heard_path: a WAV file for the microphone, written as it comes; `None`: kept in memory.
        played_path: the same for the loudspeaker.

    Raises:
        StoreError: a file cannot be created.
    """

    def __init__(self, device: Device, heard_path: Path | None = None, played_path: Path | None = None):
        self.device = device
        self.rate, self.block, self.live, self.name = device.rate, device.block, device.live, device.name
        self.trouble: StoreError | None = None
        self._memory: tuple[list[Samples], list[Samples]] = ([], [])
        try:
            self._tracks = [Track(path, device.rate) if path else None for path in (heard_path, played_path)]
        except OSError as error:
            raise _store_error(error) from error

    @property
    def now(self) -> int:
        """Samples read so far."""
        return self.device.now

    @property
    def waiting(self) -> int:
        """Blocks the device has heard and that have not been read."""
        return self.device.waiting

    @property
    def heard(self) -> Sound:
        """The microphone's track; empty where it goes to a file."""
        return self._sound(0)

    @property
    def played(self) -> Sound:
        """The loudspeaker's track; empty where it goes to a file."""
        return self._sound(1)

    def read(self) -> Block:
        """The device's next block, kept."""
        block = self.device.read()
        for track, memory, samples in zip(
            self._tracks, self._memory, (block.heard, block.played), strict=True
        ):
            if track is None:
                memory.append(samples)
            elif self.trouble is None:
                try:
                    track.append(samples)
                except OSError as error:
                    self.trouble = _store_error(error)
        return block

    def play(self, samples: Samples) -> Playback:
        """Sound `samples` on the device."""
        return self.device.play(samples)

    def close(self) -> None:
        """Finish both tracks and close the device. A second call changes nothing."""
        self.finish()
        self.device.close()

    def finish(self) -> None:
        """Finish both tracks; the device stays open. A second call changes nothing."""
        tracks, self._tracks = self._tracks, [None, None]
        for track in tracks:
            try:
                if track is not None:
                    track.close()
            except OSError as error:
                self.trouble = self.trouble or _store_error(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _sound(self, index: int) -> Sound:
        parts = self._memory[index]
        return Sound(np.concatenate(parts) if parts else np.zeros(0, np.float32), self.rate)


def _store_error(error: OSError) -> StoreError:
    if error.errno == errno.ENOSPC:
        return StoreFull("The disk is full: the recording ends here. Free some space and rehearse again.")
    return StoreError(
        f"The recording cannot be written: {error.strerror or error}. Check {error.filename or 'the folder'}."
    )
