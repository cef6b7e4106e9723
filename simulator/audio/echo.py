"""Echo cancellation: the microphone without what the loudspeaker sounded."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from simulator.audio.device import CLOCK_HZ, Block
from simulator.audio.sound import Samples, to_pcm16
from simulator.errors import EngineMissing

FRAME = 160
"""Samples in a frame: WebRTC takes exactly 10 ms at 16 kHz."""

WEBRTC_DELAY = 128
"""Samples by which AEC3's output lies behind its input (8 ms at 16 kHz); the same with and without echo."""


class EchoCanceller(Protocol):
    """Takes the loudspeaker out of the microphone.

    `delay` is constant: sample i of the answer to a block was heard at ``block.span.start - delay + i``.
    """

    delay: int

    def cancel(self, block: Block) -> Samples:
        """The microphone without the echo, `delay` samples late: shape (len(block.span),)."""


class NoCanceller:
    """Leaves the microphone as it is: for headphones, and to compare."""

    delay = 0

    def cancel(self, block: Block) -> Samples:
        """`block.heard`, unchanged."""
        return block.heard


class WebRtcCanceller:
    """The WebRTC echo canceller (AEC3), with nothing but echo cancelling switched on.

    Every block has to be given, in order, also where nothing is played: it learns the room from what was
    played, and a stretch that went around it would come without its delay. It needs about 7 ms of processor
    time for a second of sound.

    Raises:
        EngineMissing: the library is not installed.
    """

    def __init__(self) -> None:
        try:
            from livekit.rtc import AudioFrame
            from livekit.rtc.apm import AudioProcessingModule
        except (ImportError, OSError) as error:
            raise EngineMissing(
                f"The echo canceller is not installed ({error}). Install it: pip install livekit==1.2.1"
            ) from error
        self.delay = WEBRTC_DELAY
        self._frame: Any = AudioFrame
        self._processor: Any = AudioProcessingModule(echo_cancellation=True)

    def cancel(self, block: Block) -> Samples:
        """See `EchoCanceller`.

        Raises:
            ValueError: the block is not a whole number of frames.
        """
        if len(block.heard) % FRAME:
            raise ValueError(
                f"a block of {len(block.heard)} samples is not a whole number of {FRAME}-sample frames"
            )
        clean = [
            self._cancel_frame(block.heard[at : at + FRAME], block.played[at : at + FRAME])
            for at in range(0, len(block.heard), FRAME)
        ]
        return np.concatenate(clean) if clean else np.zeros(0, np.float32)

    def _cancel_frame(self, heard: Samples, played: Samples) -> Samples:
        reference = self._frame(bytearray(to_pcm16(played)), CLOCK_HZ, 1, FRAME)
        microphone = self._frame(bytearray(to_pcm16(heard)), CLOCK_HZ, 1, FRAME)
        self._processor.process_reverse_stream(reference)
        self._processor.process_stream(microphone)
        return np.asarray(np.frombuffer(bytes(microphone.data), "<i2") / 32768, np.float32)


def open_canceller() -> EchoCanceller:
    """The canceller for loudspeakers.

    Raises:
        EngineMissing: the library is not installed.
    """
    return WebRtcCanceller()
