"""The sound of the turn that goes on, kept for whoever asks how it sounds."""

from __future__ import annotations

from collections import deque

import numpy as np

from simulator.audio.sound import Samples
from simulator.audio.span import to_samples


class TurnSound:
    """The sound a turn model may want: the last seconds, in whole blocks."""

    LONGEST_S, LEAD_S = 8.0, 0.5

    def __init__(self, rate: int):
        self._longest, self._lead = to_samples(self.LONGEST_S, rate), to_samples(self.LEAD_S, rate)
        self._blocks: deque[tuple[int, Samples]] = deque()

    def keep(self, start: int, samples: Samples) -> None:
        """The next block; what is too old is let go."""
        self._blocks.append((start, samples))
        while self._blocks[0][0] < start - self._longest:
            self._blocks.popleft()

    def since(self, turn_start: int) -> Samples:
        """From a little before the turn's beginning until now."""
        wanted = [samples for start, samples in self._blocks if start >= turn_start - self._lead]
        return np.concatenate(wanted) if wanted else np.zeros(0, np.float32)
