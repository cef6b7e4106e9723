"""Murmurs: short voices over the loudspeaker's that speech detectors take for noise ("mm-hm", "mm", "yeah").

    loudspeaker   ############....#######
    trainee       .....mm-hm.............      found by its pitch; a detector hears nothing there

A murmur is a voice with a sure pitch that stands out of the room, is about as loud as the trainee speaks, and
goes its own way: what is left of the loudspeaker has the loudspeaker's pitch, and lies far under it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.audio.pitch import STEP_S, Track, Tracker, track
from simulator.audio.sound import Samples
from simulator.audio.span import Span, to_samples

LISTEN_S, LOOK_EVERY_S = 2.4, 0.2
"""So much sound is needed to tell a murmur from its room; so often one looks for another."""


@dataclass(frozen=True, slots=True)
class MurmurRules:
    """What counts as a murmur; found on sound with known ones.

    Its pitch is sure (`periodic`, moving less than `steady_st` in a frame) for at least `voiced_s` in all,
    with gaps of no more than `gap_s` ("mm-hm"); it lasts no longer than `longest_s`. It lies `over_room_db`
    over the room and no more than `under_voice_db` under the trainee's usual level. Where the loudspeaker
    sounds, no more than `echo_share` of it has the loudspeaker's pitch, to `echo_st` and an octave, within
    `echo_s`; and it lies no more than `under_played_db` under the loudspeaker's loudest of the last `echo_s`,
    or `over_rest_db` over what is heard before and after it, where the canceller leaves little of the
    loudspeaker. What is as loud as the trainee, to `near_db`, need be no more than `near_voiced_s` and
    `near_share`; before they have been heard once the canceller has learnt little, and `unlearnt_share` is
    the most.
    """

    longest_s: float = 1.0
    voiced_s: float = 0.2
    gap_s: float = 0.12
    periodic: float = 0.8
    surely: float = 0.88
    steady_st: float = 1.0
    over_room_db: float = 11.0
    under_voice_db: float = 10.0
    echo_share: float = 0.7
    echo_st: float = 0.5
    echo_s: float = 0.15
    under_played_db: float = 11.0
    over_rest_db: float = 15.0
    near_db: float = 5.0
    near_voiced_s: float = 0.16
    near_share: float = 0.9
    unlearnt_share: float = 0.4


RULES = MurmurRules()


def level_db(samples: Samples, rate: int) -> float | None:
    """How loud the voice in `samples` is, to compare a murmur with; `None` where there is no sure one."""
    found = track(samples, rate)
    sure = _sure(found, RULES)
    if sure.sum() * STEP_S < RULES.voiced_s:
        return None
    return float(np.median(_levels(found)[sure]))


def find(
    heard: Samples, played: Samples, rate: int, voice_db: float | None = None, rules: MurmurRules = RULES
) -> tuple[Span, ...]:
    """The murmurs in `heard`, on a clock that begins with it.

    Args:
        heard: the microphone without the loudspeaker, some `LISTEN_S`; one that goes on at its end is none.
        played: what the loudspeaker sounded at the same moments.
        voice_db: the trainee's `level_db`; `None` where they have not spoken.
    """
    return _found(track(heard, rate), lambda: track(played, rate), rate, voice_db, rules)


def _found(
    own: Track, theirs: Callable[[], Track], rate: int, voice_db: float | None, rules: MurmurRules
) -> tuple[Span, ...]:
    """See `find`. The loudspeaker's track is asked for only where there is something to hold against it."""
    if not len(own.middles):
        return ()
    level = _levels(own)
    sure = np.flatnonzero(_sure(own, rules))
    room = float(np.quantile(level, 0.2))
    half = to_samples(STEP_S, rate) // 2
    murmurs = []
    for frames in np.split(sure, np.flatnonzero(np.diff(sure) * STEP_S > rules.gap_s) + 1):
        if not len(frames) or len(frames) * STEP_S < rules.near_voiced_s:
            continue
        ended_s = (len(level) - frames[-1]) * STEP_S
        if frames[0] * STEP_S <= rules.gap_s + rules.echo_s:
            continue  # it may have begun before, and what the loudspeaker sounded before is not known
        if (frames[-1] - frames[0] + 1) * STEP_S > rules.longest_s or ended_s <= 2 * rules.gap_s:
            continue
        own_db = float(np.median(level[frames]))
        near = voice_db is not None and own_db >= voice_db - rules.near_db
        share = rules.near_share if near else rules.unlearnt_share if voice_db is None else rules.echo_share
        if (
            (near or len(frames) * STEP_S >= rules.voiced_s)
            and float(np.median(own.periodicity[frames])) >= rules.surely
            and own_db >= room + rules.over_room_db
            and (voice_db is None or own_db >= voice_db - rules.under_voice_db)
            and not _echo(own, level, theirs(), frames, own_db, share, rules)
        ):
            murmurs.append(Span(int(own.middles[frames[0]]) - half, int(own.middles[frames[-1]]) + half))
    return tuple(murmurs)


def _levels(found: Track) -> NDArray[np.float64]:
    return np.asarray(10 * np.log10(found.power.sum(axis=1)), np.float64)


def _sure(found: Track, rules: MurmurRules) -> NDArray[np.bool_]:
    """The frames with a pitch that goes on."""
    moved = np.abs(np.diff(found.pitch_st, prepend=found.pitch_st[:1]))
    return np.asarray((found.periodicity > rules.periodic) & (moved < rules.steady_st), np.bool_)


def _echo(
    own: Track,
    level: NDArray[np.float64],
    theirs: Track,
    frames: NDArray[np.int64],
    own_db: float,
    share: float,
    rules: MurmurRules,
) -> bool:
    """Whether it may be what is left of the loudspeaker's sound."""
    loud = _levels(theirs)
    late = np.arange(round(rules.echo_s / STEP_S) + 1)
    at = np.maximum(frames[:, None] - late[None, :], 0)
    if own_db < float(np.median(loud[at].max(axis=1))) - rules.under_played_db:
        beside = np.ones(len(level), np.bool_)
        beside[max(0, frames[0] - len(late) + 1) : frames[-1] + len(late)] = False
        rest_db = float(np.quantile(level[beside], 0.9)) if beside.any() else own_db
        if own_db < rest_db + rules.over_rest_db:
            return True
    apart = np.abs((own.pitch_st[frames][:, None] - theirs.pitch_st[at] + 6) % 12 - 6)
    audible = (theirs.periodicity[at] > 0.5) & (loud[at] > own_db - 10)
    same = ((apart < rules.echo_st) & audible).any(axis=1)
    return float(same.mean()) > share


class Listener:
    """Listens for what the detector does not hear: short voices while the loudspeaker speaks.

    One in a pause of the loudspeaker's is told when that goes on: after its end the trainee has the word.
    """

    LAST = 10

    def __init__(self, rate: int):
        self._rate = rate
        self._length = to_samples(LISTEN_S, rate)
        self._every = to_samples(LOOK_EVERY_S, rate)
        self._heard: deque[tuple[int, Samples]] = deque()
        self._played: deque[tuple[int, Samples]] = deque()
        self._own, self._theirs = Tracker(rate), Tracker(rate)
        self._sounded: Span | None = None
        self._looked = 0
        self._waiting: list[Span] = []
        self._told: deque[Span] = deque(maxlen=self.LAST)
        self._taken: deque[Span] = deque(maxlen=self.LAST)
        self._voice_db: deque[float] = deque(maxlen=self.LAST)

    def keep(self, start: int, heard: Samples, played: Samples, late: int = 0) -> None:
        """The next block: `heard` begins at `start`, `played` begins `late` after it."""
        self._heard.append((start, heard))
        self._played.append((start + late, played))
        for kept in (self._heard, self._played):
            while kept[0][0] + len(kept[0][1]) < start - self._length:
                kept.popleft()
        if played.any():
            now = Span(start + late, start + late + len(played))
            goes_on = self._sounded is not None and self._sounded.end >= now.start - self._length
            self._sounded = self._sounded | now if self._sounded is not None and goes_on else now

    def take(self, span: Span, samples: Samples) -> None:
        """What the detector heard; it is no murmur, and tells how loud the trainee speaks."""
        self._taken.append(span)
        level = level_db(samples, self._rate)
        if level is not None:
            self._voice_db.append(level)

    def give_back(self, span: Span) -> None:
        """The recogniser found no words in it: it may be a murmur."""
        if span in self._taken:
            self._taken.remove(span)

    def heard(self, speaking: Span | None) -> tuple[Span, ...]:
        """The murmurs that are over by now and have not been told."""
        until = self._heard[-1][0] + len(self._heard[-1][1])
        sounded = self._sounded
        if sounded is None or until - sounded.end > self._length:
            self._waiting.clear()
            return ()
        if until - self._looked >= self._every:
            self._looked = until
            self._look(until)
        told = []
        for span in list(self._waiting):
            if span.start < sounded.end:
                self._waiting.remove(span)
                near = Span(span.start - self._every, span.end + self._every)
                others = (*self._taken, *self._told, *(() if speaking is None else (speaking,)))
                if span.start >= sounded.start and not any(near & other for other in others):
                    self._told.append(span)
                    told.append(span)
        return tuple(told)

    def _look(self, until: int) -> None:
        first = max(self._heard[0][0], self._played[0][0], until - self._length)
        level = float(np.median(self._voice_db)) if self._voice_db else None
        own = self._own.track(self._from(self._heard, first, until), first)

        def theirs() -> Track:
            return self._theirs.track(self._from(self._played, first, until), first)

        for span in _found(own, theirs, self._rate, level, RULES):
            span = span.shift(first)
            if not any(span & other for other in self._waiting):
                self._waiting.append(span)

    @staticmethod
    def _from(kept: deque[tuple[int, Samples]], first: int, until: int) -> Samples:
        sound = np.concatenate([samples for _, samples in kept])
        return sound[first - kept[0][0] : until - kept[0][0]]
