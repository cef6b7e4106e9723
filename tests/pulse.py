"""A private PulseAudio with a virtual loudspeaker and microphone: real sound streams without a sound card."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

CONFIGURATION = """\
load-module module-native-protocol-unix auth-anonymous=1 socket={folder}/pulse/native
load-module module-null-sink sink_name=speaker norewinds=1 format=s16le rate=16000 channels=1
load-module module-null-sink sink_name=micfeed norewinds=1 format=s16le rate=16000 channels=1
load-module module-remap-source source_name=mic master=micfeed.monitor format=s16le rate=16000 channels=1
set-default-sink speaker
set-default-source {source}
"""


@dataclass(frozen=True, slots=True)
class Pulse:
    """A running server. `environment` is what a program needs to find it, and no other."""

    folder: Path
    environment: dict[str, str]
    server: subprocess.Popen[bytes]

    def feed(self, wav: Path) -> subprocess.Popen[bytes]:
        """Speak a 16 kHz WAV file into the microphone; ended when it has been heard."""
        return subprocess.Popen(["paplay", "--device=micfeed", str(wav)], env=self.environment)

    def record(self, wav: Path, source: str = "speaker.monitor") -> subprocess.Popen[bytes]:
        """Record a source (the loudspeaker by default) until the process is terminated."""
        command = [
            "parecord",
            f"--device={source}",
            "--rate=16000",
            "--channels=1",
            "--format=s16le",
            str(wav),
        ]
        return subprocess.Popen(command, env=self.environment)

    def python(self, code: str, *arguments: object, timeout_s: float = 60) -> str:
        """Run a piece of Python in a process that knows this server; returns what it printed.

        PortAudio reads the environment when it is initialised, and a server that dies takes threads with
        it: a process of its own is the clean way to both.
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
        assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr[-4000:]}"
        return done.stdout


def missing() -> str | None:
    """Why there can be no private PulseAudio here, or `None`."""
    for program, package in (
        ("pulseaudio", "pulseaudio"),
        ("paplay", "pulseaudio-utils"),
        ("pactl", "pulseaudio-utils"),
    ):
        if shutil.which(program) is None:
            return f"{program} is not installed: apt install {package} libasound2-plugins libportaudio2"
    try:
        import sounddevice  # noqa: F401
    except (ImportError, OSError) as error:
        return f"sounddevice cannot be used ({error}): apt install libportaudio2"
    return None


@contextlib.contextmanager
def running(source: str = "mic", configuration: str = CONFIGURATION) -> Iterator[Pulse]:
    """A server of one's own, whose default source is `source`; ended by its id."""
    with tempfile.TemporaryDirectory(prefix="pulse-") as name:
        folder = Path(name)
        (folder / "pulse").mkdir(mode=0o700)
        (folder / "start.pa").write_text(configuration.format(folder=folder, source=source))
        environment = {
            **os.environ,
            "HOME": name,
            "XDG_RUNTIME_DIR": name,
            "PULSE_RUNTIME_PATH": str(folder / "pulse"),
            "PULSE_SERVER": f"unix:{folder}/pulse/native",
            "PULSE_COOKIE": str(folder / "cookie"),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"]
        command += ["--disable-shm=yes", "-F", str(folder / "start.pa")]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _wait_until_up(server, environment, folder)
            yield Pulse(folder, environment, server)
        finally:
            server.terminate()
            try:
                server.wait(5)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait(5)


def _wait_until_up(server: subprocess.Popen[bytes], environment: dict[str, str], folder: Path) -> None:
    until = time.monotonic() + 15
    while time.monotonic() < until and server.poll() is None:
        answer = subprocess.run(["pactl", "list", "short", "sources"], env=environment, capture_output=True)
        if answer.returncode == 0 and b"\tmic\t" in answer.stdout:
            return
        time.sleep(0.05)
    raise RuntimeError(f"PulseAudio did not start:\n{(folder / 'log').read_text(errors='replace')[-2000:]}")


def _start(source: str) -> Iterator[Pulse]:
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with running(source) as server:
        yield server


@pytest.fixture(name="pulse")
def pulse_server() -> Iterator[Pulse]:
    """A loudspeaker nobody hears and a microphone that hears what is fed to it."""
    yield from _start("mic")


@pytest.fixture(name="looped_pulse")
def looped_pulse_server() -> Iterator[Pulse]:
    """A microphone that hears the loudspeaker, and nothing else."""
    yield from _start("speaker.monitor")
