"""Level 6: real voices and the real recogniser in the simulated room, through the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import cache
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.sound


def alongside(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, as a person runs it, with the test's own folders."""
    return subprocess.run(
        [sys.executable, "-m", "simulator", *arguments], capture_output=True, text=True, timeout=240
    )


@cache
def rehearsed(trainee: str) -> dict[str, Any]:
    """One rehearsal in the coffee shop, as its JSON; played once for all tests that look at it."""
    done = alongside("rehearse", "coffee-shop", "--trainee", trainee, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure(document: dict[str, Any], name: str) -> float:
    value = next(m["value"] for m in document["evaluation"]["measures"] if m["name"] == name)
    assert value is not None
    return float(value)


def test_the_warm_trainee_is_trusted_with_more() -> None:
    warm, fixing = rehearsed("warm"), rehearsed("fixing")
    assert measure(warm, "trust_end") > 2.5 > measure(fixing, "trust_end")
    assert measure(warm, "disclosures_heard") > measure(fixing, "disclosures_heard")


@pytest.mark.parametrize("trainee", ["warm", "fixing"])
def test_every_quote_stands_in_the_transcript_at_its_place(trainee: str) -> None:
    document = rehearsed(trainee)
    words = [word for utterance in document["utterances"] for word in utterance["words"]]
    assert words and document["evaluation"]["findings"]
    for finding in document["evaluation"]["findings"]:
        if not finding["quote"]:
            continue
        there = " ".join(
            word["text"]
            for word in words
            if any(
                word["span"]["start"] < place["end"] and place["start"] < word["span"]["end"]
                for place in finding["evidence"]
            )
        )
        if finding["skill"] == "KEPT_SILENCE":  # its evidence is the silence; the quote is what broke it
            assert finding["quote"] in " ".join(word["text"] for word in words)
        else:
            assert finding["quote"] in there, finding


@pytest.mark.parametrize("trainee", ["warm", "fixing"])
def test_the_feedback_names_a_strength_and_a_better_wording_of_that_very_line(trainee: str) -> None:
    document = rehearsed(trainee)
    said = " ".join(document["feedback"])
    assert "One thing that worked" in said and "One thing to try" in said
    tried = [f for f in document["evaluation"]["findings"] if f["verdict"] == "try" and f["better"]]
    assert any(finding["better"] in said for finding in tried) or trainee == "warm"


def test_the_recogniser_hears_what_the_trainee_said() -> None:
    heard = " ".join(
        u["text"] for u in rehearsed("fixing")["utterances"] if u["speaker"] == "trainee"
    ).lower()
    for words in (
        "you look tired",
        "have you tried going to bed a bit earlier",
        "at least you have your health",
    ):
        assert words in heard


def begun(*arguments: str) -> tuple[subprocess.Popen[str], list[str]]:
    """A rehearsal at real pace, run until the simulated trainee's first words have been heard."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-u",
            "-m",
            "simulator",
            "rehearse",
            "coffee-shop",
            "--trainee",
            "fixing",
            *arguments,
        ],
        env={**os.environ, "ALONGSIDE_ROOM_PACE": "real", "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if " fixing  " in line:
            break
    return process, seen


def test_a_kill_in_the_middle_keeps_everything_up_to_the_last_utterance() -> None:
    process, seen = begun()
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait(10)
    assert process.stdout is not None
    process.stdout.close()
    kept = json.loads(alongside("review", "--json").stdout)
    assert not kept["finished"]
    heard = [u["text"] for u in kept["utterances"] if u["speaker"] == "trainee"]
    assert heard and heard[0] in seen[-1]
    assert "UNFINISHED" in alongside("review").stdout
    _, left = psutil.wait_procs(children, timeout=10)
    assert not left, "an engine outlived the program"


def test_ctrl_c_ends_politely_with_feedback() -> None:
    process, _ = begun()
    assert process.stdout is not None
    process.send_signal(signal.SIGINT)
    rest = []
    for line in process.stdout:
        if " coach  " in line and not any(" coach  " in earlier for earlier in rest):
            process.send_signal(signal.SIGINT)  # once more skips the feedback; a third time would be a stop
        rest.append(line)
    assert process.wait(30) == 0
    assert any(" coach  " in line for line in rest)
    kept = json.loads(alongside("review", "--json").stdout)
    assert not kept["finished"] and kept["feedback"]
