"""Response offsets on a virtual sound card, against a recording of what both sides sounded.

The private PulseAudio has one card of two channels: the program's loudspeaker is its left channel, the
trainee's mouth the right one. One recording of both is the truth, on one clock that is not the program's.
The microphone hears the right channel and, softer, the left: that is the echo.

response_offset_error_ms   |measured - true| time from the client's last audible sample to the trainee's first
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from bench_common import Figure, arguments, report

ROOT = Path(__file__).resolve().parent.parent
EXCHANGES = 50
ECHO_DB = -12  # 41350 / 65536 in PulseAudio's cubic volumes
RATE = 16_000
ONE = "channels=1 channel_map=mono"
CONFIGURATION = f"""\
load-module module-native-protocol-unix auth-anonymous=1 socket={{folder}}/pulse/native
load-module module-null-sink sink_name=card norewinds=1 format=s16le rate={RATE} channels=2
load-module module-remap-sink sink_name=speaker master=card {ONE} master_channel_map=front-left remix=no
load-module module-remap-sink sink_name=micfeed master=card {ONE} master_channel_map=front-right remix=no
load-module module-remap-source source_name=mic master=card.monitor {ONE} remix=yes
set-sink-volume speaker 41350
set-default-sink speaker
set-default-source {{source}}
"""

REPLIES = (
    "That sounds really hard.",
    "What was that like for you?",
    "I am glad you told me.",
    "So you sat there until five.",
    "Tell me more about it.",
)
LINES = (
    "I come here quite a lot now.",
    "It was a long week, to be honest.",
    "I have not told anybody.",
    "They let me go three weeks ago.",
    "The days are sort of long.",
)
GAPS_S = (0.25, 0.6, 1.0, 1.5, 2.0)


def child(folder: Path, seed: int) -> None:
    """Inside the server's environment: play the lines, listen, and print the measured offsets."""
    from simulator.audio.echo import open_canceller
    from simulator.audio.portaudio import PortAudioDevice
    from simulator.audio.sound import Sound, silence, write_wav
    from simulator.dialogue.turns import Utterance
    from simulator.listening import Ears
    from simulator.settings import load_settings
    from simulator.speech.engines import open_detector, open_transcriber
    from simulator.speech.voices import Performer, load_profile

    random = np.random.default_rng(seed)
    with (
        Performer(load_profile("maya")) as client,
        Performer(load_profile("trainee")) as voice,
        open_transcriber("moonshine") as transcriber,
        PortAudioDevice() as device,
    ):
        lines = [client.perform((text,)).sound.samples for text in LINES]
        replies = [voice.perform((text,)).sound.samples for text in REPLIES]
        ears = Ears(device, open_canceller(), open_detector("silero"), transcriber, load_settings())
        for _ in range(50):
            ears.listen()
        for number in range(EXCHANGES):
            line, reply = lines[number % len(lines)], replies[int(random.integers(len(replies)))]
            gap_s = GAPS_S[int(random.integers(len(GAPS_S)))]
            playback = device.play(line)
            while playback.start is None:
                ears.listen()
            # What is left of the line, the gap, then the reply: paplay starts within some milliseconds.
            lead_s = max(0.0, (playback.start + len(line) - device.now) / RATE + gap_s)
            wav = folder / f"reply{number}.wav"
            write_wav(wav, Sound(np.concatenate([silence(lead_s, RATE).samples, reply]), RATE))
            subprocess.Popen(["paplay", "--device=micfeed", str(wav)])
            end = playback.start + len(line)
            heard: Utterance | None = None
            until = device.now + round((lead_s + len(reply) / RATE + 2.2) * RATE)
            while device.now < until:
                for one in ears.listen():
                    if isinstance(one, Utterance) and one.span.start > end - RATE // 2 and heard is None:
                        heard = one
            ears.endpointer.forget_turn()
            offset = "none" if heard is None else str(heard.span.start - end)
            print(f"exchange {number} {offset}", flush=True)


def truth(stereo: np.ndarray) -> list[int]:
    """The true offsets in samples, from the recording of both channels, shape (n, 2)."""
    client, trainee = (stretches(stereo[:, channel]) for channel in (0, 1))
    offsets = []
    for index, (_, end) in enumerate(client):
        later = client[index + 1][0] if index + 1 < len(client) else len(stereo)
        replies = [start for start, _ in trainee if end - RATE // 2 < start < later]
        if replies:
            offsets.append(replies[0] - end)
    return offsets


def stretches(samples: np.ndarray, gap_s: float = 1.0) -> list[tuple[int, int]]:
    """Where a channel sounds (it is digital silence elsewhere), joined over gaps shorter than `gap_s`."""
    from simulator.audio.sound import Sound, audible
    from simulator.audio.span import Span

    loud = np.flatnonzero(np.abs(samples) > 1e-4)
    if not len(loud):
        return []
    cuts = np.flatnonzero(np.diff(loud) > gap_s * RATE)
    starts, ends = loud[np.r_[0, cuts + 1]], loud[np.r_[cuts, len(loud) - 1]] + 1
    found = []
    for start, end in zip(starts, ends, strict=True):
        inner = audible(Sound(samples[start:end].astype(np.float32), RATE)) if end > start else Span(0, 0)
        found.append((int(start) + inner.start, int(start) + inner.end))
    return found


def main(argv: Iterable[str] | None = None) -> int:
    if len(sys.argv) > 1 and sys.argv[1] == "--child":
        child(Path(sys.argv[2]), int(sys.argv[3]))
        return 0
    options = arguments("card", __doc__ or "", argv)
    sys.path.insert(0, str(ROOT / "tests"))
    from pulse import missing, running

    reason = missing()
    if reason is not None:
        figure = Figure("response_offset_error_ms", "all", "median", None, 0, "<= 40", reason)
        return report("card", [figure], options)
    errors, unheard = measure(running, options.seed)
    figures = [
        Figure.of("response_offset_error_ms", "median", errors, "<= 40"),
        Figure.of("response_offset_error_ms", "p95", errors, None),
        Figure.of("unheard_replies", "sum", [float(unheard)], None),
    ]
    return report("card", figures, options, data=[f"{EXCHANGES} synthesised exchanges, echo {ECHO_DB} dB"])


def measure(running: object, seed: int) -> tuple[list[float], int]:
    """Absolute errors in ms, and how many replies the program did not hear."""
    assert callable(running)
    with running("mic", CONFIGURATION) as pulse, tempfile.TemporaryDirectory() as name:
        folder, raw = Path(name), Path(name) / "both.raw"
        command = [
            "parec",
            "--device=card.monitor",
            f"--rate={RATE}",
            "--channels=2",
            "--format=s16le",
            "--raw",
        ]
        with raw.open("wb") as file:
            recorder = subprocess.Popen(command, stdout=file, env=pulse.environment)
            environment = {**pulse.environment, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
            process = subprocess.Popen(
                [sys.executable, str(Path(__file__).resolve()), "--child", str(folder), str(seed)],
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert process.stdout is not None
            measured: list[str] = []
            for line in process.stdout:
                if line.startswith("exchange"):
                    measured.append(line.split()[2])
                    print(f"\r{len(measured)} of {EXCHANGES}", end="", file=sys.stderr)
            process.wait()
            time.sleep(0.5)
            recorder.terminate()
            recorder.wait()
        print(file=sys.stderr)
        stereo = np.frombuffer(raw.read_bytes(), "<i2").reshape(-1, 2).astype(np.float32) / 32768
    true = truth(stereo)
    if len(true) != len(measured):
        raise SystemExit(f"The recording holds {len(true)} exchanges, the program measured {len(measured)}.")
    errors = [
        abs(int(found) - expected) / RATE * 1000
        for found, expected in zip(measured, true, strict=True)
        if found != "none"
    ]
    return errors, measured.count("none")


if __name__ == "__main__":
    sys.exit(main())
