"""The menu: what people say when they are asked which rehearsal they want."""

from __future__ import annotations

import pytest

from simulator.dialogue.scenario import load_scenario, scenario_names
from simulator.language import load_language
from simulator.menu import matching


@pytest.mark.parametrize(
    ("said", "chosen"),
    [
        ("Two.", "park-bench"),
        ("Number three, please.", "peer-room"),
        ("1", "coffee-shop"),
        ("The coffee one.", "coffee-shop"),
        ("Daniel", "park-bench"),
        ("I'd like the bench in the park", "park-bench"),
        ("with Rosa", "peer-room"),
        ("Something else.", None),
        ("", None),
    ],
)
def test_a_number_or_a_word_of_the_name_chooses(said: str, chosen: str | None) -> None:
    known = [load_scenario(name) for name in scenario_names()]
    found = matching(said, known, load_language("en").numbers)
    assert (found.id if found else None) == chosen
