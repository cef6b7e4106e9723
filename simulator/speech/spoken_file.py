"""The files speech engines write: WAV (espeak-ng, SAPI5) and AIFF (macOS), whatever their names say."""

from __future__ import annotations

import io
import math
import struct
import wave
from pathlib import Path

import numpy as np

from simulator.audio.sound import Sound
from simulator.errors import SoundError


def read_spoken(path: Path) -> Sound:
    """A file with 16-bit mono speech.

    Raises:
        SoundError: it is missing, empty, truncated or of another kind.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SoundError(f"the engine wrote no file ({error.strerror})") from error
    if data[:4] == b"RIFF":
        return _wav(data)
    if data[:4] == b"FORM" and data[8:12] in (b"AIFF", b"AIFC"):
        return _aiff(data)
    raise SoundError(f"the engine wrote {len(data)} bytes that are neither WAV nor AIFF")


def _wav(data: bytes) -> Sound:
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            promised, frames = file.getnframes(), file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise SoundError(f"the engine wrote a broken WAV file ({error or 'it ends early'})") from error
    _check(channels, width * 8)
    if len(frames) < promised * width:
        raise SoundError(f"the engine wrote {len(frames) // width} of {promised} samples")
    return Sound(np.frombuffer(frames, "<i2").astype(np.float32) / np.float32(32768), rate)


def _aiff(data: bytes) -> Sound:
    """AIFF 1.3 and the uncompressed AIFC; a chunk is a name, a big-endian size, a body, padded to even."""
    at, rate, order, promised, sound = 12, 0, ">i2", 0, None
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack(">I", data[at + 4 : at + 8])[0]
        body = data[at + 8 : at + 8 + size]
        if name == b"COMM" and len(body) >= 18:
            channels, promised, bits = struct.unpack(">hIh", body[:8])
            _check(channels, bits)
            rate = _extended(body[8:18])
            kind = body[18:22]
            if kind not in (b"", b"NONE", b"twos", b"sowt"):
                raise SoundError(f"the engine wrote AIFF of the kind {kind!r}")
            order = "<i2" if kind == b"sowt" else ">i2"
        elif name == b"SSND":
            sound = body[8:]
        at += 8 + size + size % 2
    if sound is None or rate <= 0 or len(sound) < promised * 2:
        raise SoundError("the engine wrote an AIFF file that ends early")
    return Sound(np.frombuffer(sound[: promised * 2], order).astype(np.float32) / np.float32(32768), rate)


def _extended(ten_bytes: bytes) -> int:
    """An 80-bit IEEE 754 extended number, which is how AIFF writes its rate."""
    exponent, mantissa = struct.unpack(">HQ", ten_bytes)
    return round(math.ldexp(mantissa, exponent - 16383 - 63))


def _check(channels: int, bits: int) -> None:
    if channels != 1 or bits != 16:
        raise SoundError(f"the engine wrote {channels} channels of {bits} bits, not one of 16")
