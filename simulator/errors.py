"""Everything that can go wrong, as one tree. A message says what happened and what to do about it.

SimulatorError
├── SettingsError             a settings file, environment variable or option that cannot be used
├── SoundError                a sound or WAV file of the wrong kind
├── DeviceError               a sound device
│   ├── DeviceMissing         there is none of that name, or none at all
│   ├── DeviceRefused         it exists and will not do what is asked (rate, channels, busy)
│   └── DeviceLost            it was there and is gone
├── EngineError               a voice, transcriber or detector
│   ├── EngineMissing         not installed, or a library or model it needs is absent
│   ├── EngineCrashed         its worker process ended
│   └── EngineHung            its worker process did not answer in time
├── ModelError                model files
│   ├── ModelMissing          not on this machine
│   ├── ModelBroken           on this machine, and a file is missing, truncated or altered
│   └── FetchFailed           could not be downloaded
├── ScenarioError             a scenario or voice file, or no scenario of that name
└── StoreError                what is kept
    ├── NoSuchRehearsal       no rehearsal of that id
    └── StoreFull             no space left on the disk
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SimulatorError(Exception):
    """The root. `str(error)` is one or two sentences for people: what happened, and what to do."""


class SettingsError(SimulatorError):
    """A settings file, environment variable or option cannot be used."""


class SoundError(SimulatorError):
    """A sound or a WAV file is of the wrong kind."""


class DeviceError(SimulatorError):
    """A sound device."""


class DeviceMissing(DeviceError):
    """There is no sound device, or none of that name."""


class DeviceRefused(DeviceError):
    """The device exists and will not do what is asked of it."""


class DeviceLost(DeviceError):
    """The device was open and has gone."""


class EngineError(SimulatorError):
    """A voice, transcriber or detector."""


class EngineMissing(EngineError):
    """The engine, or a library it needs, is not installed."""


class EngineCrashed(EngineError):
    """The engine's worker process ended."""


class EngineHung(EngineError):
    """The engine's worker process did not answer in time."""


class ModelError(SimulatorError):
    """Model files."""


class ModelMissing(ModelError):
    """The model is not on this machine."""


class ModelBroken(ModelError):
    """A model file is missing, truncated or altered."""


class FetchFailed(ModelError):
    """A model could not be downloaded."""


class ScenarioError(SimulatorError):
    """A scenario or voice file cannot be used, or there is no scenario of that name."""


class StoreError(SimulatorError):
    """What is kept."""


class NoSuchRehearsal(StoreError):
    """There is no rehearsal of that id."""


class StoreFull(StoreError):
    """There is no space left on the disk."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The name among `known` that is spelled most like `name`, or `None` where none is near."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.5)
    return by_lower[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question to append to a message (with a leading space): the nearest name, or else the known ones."""
    names = sorted(set(known))
    near = nearest(name, names)
    if near is not None:
        return f" Did you mean {near}?"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f" There is: {shown}." if names else ""
