"""Level 7: a live rehearsal on a virtual sound card, with a recorded trainee played into its microphone.

The same replies are spoken to the same client in the simulated room, and what was heard must agree. The
trainee here answers the captions, as a person answers what they hear.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pulse import Pulse, pulse_server  # noqa: F401

from simulator.audio.sound import Sound, silence, write_wav
from simulator.dialogue.scenario import load_scenario, parts, parts_of
from simulator.rehearsing import UNHURRIED_SHARE
from simulator.settings import shipped
from simulator.speech.voices import Performer, load_profile

pytestmark = pytest.mark.card

REPLY_AFTER_S = 0.8


def short_scenario() -> None:
    """A coffee with Maya that is over after two exchanges, in the test's own data folder."""
    folder = Path(os.environ["ALONGSIDE_DATA"]) / "scenarios"
    folder.mkdir(parents=True)
    source = yaml.safe_load((shipped("scenarios") / "coffee-shop.yaml").read_text(encoding="utf-8"))
    source |= {"id": "short", "length": 2}
    for reply in [*source["trainees"]["warm"]["replies"].values(), *source["trainees"]["warm"]["otherwise"]]:
        reply.pop("during", None)
        reply["after_s"] = REPLY_AFTER_S
    (folder / "short.yaml").write_text(yaml.safe_dump(source, allow_unicode=True), encoding="utf-8")


def in_the_room() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "simulator", "rehearse", "short", "--trainee", "warm", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def on_the_card(pulse: Pulse, folder: Path) -> dict[str, Any]:
    """Rehearse live; speak the warm trainee's replies into the microphone when the captions say so."""
    scenario = load_scenario("short")
    trainee = scenario.trainee("warm")
    # Everything is spoken beforehand: on a slow machine the first reply would come after the lapse.
    with (
        Performer(load_profile(scenario.client.voice)) as client,
        Performer(load_profile("trainee")) as voice,
    ):
        lengths = {
            line.text: client.perform(parts(line), line.mood).sound.duration_s
            for line in scenario.all_lines()
        }
        replies = {
            line.text: voice.perform(parts_of(trainee.reply_to(line.id, 0).say)).sound
            for line in scenario.lines
        }
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "simulator", "rehearse", "short", "--json"],
        env={
            **pulse.environment,
            "COLUMNS": "300",
            # The voice is the simulated trainee's here too, and pauses for as long between its sentences.
            "ALONGSIDE_SHORTEST_SILENCE_SHARE": str(UNHURRIED_SHARE),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None and process.stdout is not None
    captions: queue.SimpleQueue[tuple[float, str]] = queue.SimpleQueue()
    stderr = process.stderr
    reader = threading.Thread(
        target=lambda: [captions.put((time.monotonic(), line)) for line in stderr], daemon=True
    )
    reader.start()
    seen: list[str] = []
    while True:
        at_s, caption = captions.get(timeout=60)
        seen.append(caption)
        said = next((text for text in replies if text in caption and "Maya" in caption), None)
        if said is not None:
            wav = folder / f"reply{len(seen)}.wav"
            wait_s = lengths[said] + REPLY_AFTER_S - (time.monotonic() - at_s)
            samples = np.concatenate([silence(max(0.0, wait_s), 16_000).samples, replies[said].samples])
            write_wav(wav, Sound(samples, 16_000))
            pulse.feed(wav)
        if " coach " in caption and any("Maya" in line and any(t in line for t in replies) for line in seen):
            process.send_signal(signal.SIGINT)  # the feedback has begun: that is enough of it
            break
    output = process.stdout.read()
    assert process.wait(30) == 0, "".join(seen)
    found: dict[str, Any] = json.loads(output)
    return found


def trainee_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [u for u in document["utterances"] if u["speaker"] == "trainee"]


def plain(text: str) -> list[str]:
    return "".join(c for c in text.lower() if c.isalpha() or c in " '").split()


def test_a_live_rehearsal_hears_what_the_room_hears(pulse: Pulse, tmp_path: Path) -> None:
    short_scenario()
    room, card = in_the_room(), on_the_card(pulse, tmp_path)
    assert card["finished"]
    assert [line["line"] for line in card["lines"]] == [line["line"] for line in room["lines"]]

    heard_in_room = plain(" ".join(u["text"] for u in trainee_of(room)))
    heard_on_card = plain(" ".join(u["text"] for u in trainee_of(card)))
    assert len(set(heard_in_room) ^ set(heard_on_card)) <= 0.2 * len(heard_in_room), (
        heard_in_room,
        heard_on_card,
    )

    rate = card["rate_hz"]
    for in_room, on_card in zip(_turns(room), _turns(card), strict=True):
        # The same recording: as long in both. It is played when a caption comes, so its place may differ by
        # what the captions and the two programs' buffers take.
        assert (on_card[1] - on_card[0]) / rate == pytest.approx((in_room[1] - in_room[0]) / rate, abs=0.25)
        assert on_card[2] / rate == pytest.approx(in_room[2] / rate, abs=0.5)


def _turns(document: dict[str, Any]) -> list[tuple[int, int, int]]:
    """Start, end and response offset of the trainee's turn after each line, in samples."""
    turns = []
    lines = document["lines"]
    for index, line in enumerate(lines):
        until = lines[index + 1]["sounded"]["start"] if index + 1 < len(lines) else None
        mine = [
            u["span"]
            for u in trainee_of(document)
            if u["span"]["start"] >= line["sounded"]["end"] and (until is None or u["span"]["start"] < until)
        ]
        if mine:
            turns.append((mine[0]["start"], mine[-1]["end"], mine[0]["start"] - line["sounded"]["end"]))
    return turns
