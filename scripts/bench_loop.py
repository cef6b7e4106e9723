"""How quickly the loop answers, starts and gives feedback, and its cost: in the simulated room at real pace.

answer_delay_ms   endpointer's decision that the turn has ended -> first sample of the client's answer
feedback_delay_s  the last line's last sample -> the coach's first sample
second_start_s    the command -> the client's first word, on a machine already set up
peak_memory_mb    of the process tree (proportional set size where the system tells it, else resident)
cpu_s_per_s       processor time of the process tree for a second of rehearsal
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import psutil
from bench_common import Figure, arguments, report

SCENARIOS = (("coffee-shop", "warm"), ("park-bench", "fixing"), ("peer-room", "rushing"))


@dataclass
class Loads:
    """Watches the process tree beside us: peak memory, and the processor time it has used."""

    peak_mb: float = 0.0
    stopped: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        while not self.stopped.wait(0.25):
            self.peak_mb = max(self.peak_mb, sum(_memory_mb(p) for p in tree()))


def tree() -> list[psutil.Process]:
    me = psutil.Process()
    return [me, *me.children(recursive=True)]


def _memory_mb(process: psutil.Process) -> float:
    try:
        info = process.memory_full_info()
        return float(getattr(info, "pss", info.rss)) / 1e6
    except psutil.Error:
        return 0.0


def cpu_s() -> float:
    """Processor seconds of the tree so far, children that have ended included."""
    total = 0.0
    for process in tree():
        try:
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
        except psutil.Error:
            continue
    return total


def rehearse_once(scenario_name: str, trainee: str) -> tuple[list[float], float, float]:
    """Answer delays in ms, the feedback delay in s, and the seconds rehearsed."""
    from simulator.audio.room import Room
    from simulator.dialogue.scenario import load_scenario
    from simulator.events import CoachSpoke, LineEnded, LineStarted, TurnEnded
    from simulator.session import rehearse
    from simulator.settings import load_settings
    from simulator.speech.voices import Performer, load_profile
    from simulator.studio import open_studio
    from simulator.trainee import SimulatedTrainee

    settings = load_settings()
    scenario = load_scenario(scenario_name)
    answers: list[float] = []
    feedback_delay_s = float("nan")
    decided: int | None = None
    last_line_end = 0
    with (
        Room(pace="real") as room,
        open_studio(settings, room, scenario.client.voice) as studio,
        Performer(load_profile("trainee"), room.rate) as performer,
    ):
        simulated = SimulatedTrainee(scenario, trainee, room, performer, settings.patience)
        for event in simulated.watch(rehearse(scenario, studio)):
            if isinstance(event, TurnEnded):
                decided = event.decided_at
            elif isinstance(event, LineStarted) and decided is not None:
                answers.append((event.at - decided) / room.rate * 1000)
                decided = None
            elif isinstance(event, LineEnded):
                last_line_end = event.at
            elif isinstance(event, CoachSpoke) and feedback_delay_s != feedback_delay_s:
                feedback_delay_s = (event.at - last_line_end) / room.rate
        return answers, feedback_delay_s, room.now / room.rate


def start_once(folder: str) -> float:
    """Seconds from the command to the client's first caption, which is printed as its first sample sounds."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "simulator", "rehearse", "coffee-shop", "--trainee", "warm"]
    environment = {**os.environ, "ALONGSIDE_DATA": folder, "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.lstrip().startswith("0:00."):
                break
        took_s = time.perf_counter() - began
        process.kill()
    return took_s


def main(argv: Iterable[str] | None = None) -> int:
    options = arguments("loop", __doc__ or "", argv)
    delays: list[float] = []
    feedback: list[float] = []
    rehearsed_s = 0.0
    loads = Loads()
    watcher = threading.Thread(target=loads.watch, daemon=True)
    watcher.start()
    cpu_before = cpu_s()
    for scenario, trainee in SCENARIOS:
        print(f"playing {scenario} with the {trainee} trainee at real pace ...", file=sys.stderr)
        answers, feedback_delay_s, seconds = rehearse_once(scenario, trainee)
        delays += answers
        feedback.append(feedback_delay_s)
        rehearsed_s += seconds
    cpu_share = (cpu_s() - cpu_before) / rehearsed_s
    loads.stopped.set()
    watcher.join()
    with tempfile.TemporaryDirectory() as folder:
        start_once(folder)
        starts = [start_once(folder) for _ in range(5)]
    figures = [
        Figure.of("answer_delay_ms", "median", delays, "<= 60"),
        Figure.of("answer_delay_ms", "p95", delays, "<= 150"),
        Figure.of("feedback_delay_s", "max", feedback, "<= 1.0"),
        Figure.of("second_start_s", "median", starts, "<= 3.0"),
        Figure.of("second_start_s", "max", starts, "<= 3.0"),
        Figure.of("peak_memory_mb", "max", [loads.peak_mb], "<= 700"),
        Figure.of("cpu_s_per_s", "mean", [cpu_share], None),
    ]
    return report("loop", figures, options, data=[f"{s} {t}" for s, t in SCENARIOS])


if __name__ == "__main__":
    sys.exit(main())
