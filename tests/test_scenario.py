"""Scenario files: every one loads and every line is reachable, and a mistake names file, line and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.dialogue.client import disclosures_heard
from simulator.dialogue.coherence import reachable
from simulator.dialogue.scenario import (
    DISCLOSURE_LEVEL,
    TRAINEES,
    Scenario,
    load_scenario,
    parts_of,
    scenario_names,
    schema,
)
from simulator.errors import ScenarioError
from simulator.language import load_language, normalise
from simulator.settings import shipped

SHIPPED = ("coffee-shop", "park-bench", "peer-room")


@pytest.fixture(scope="module")
def text() -> str:
    return (shipped("scenarios") / "coffee-shop.yaml").read_text()


def broken(folder: Path, text: str, old: str, new: str) -> str:
    """What is said of the scenario with `old` replaced by `new`, and where: `{line}` is its line."""
    assert old in text
    path = folder / "coffee-shop.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_scenario_keeps_the_promises(name: str) -> None:
    scenario = load_scenario(name)
    language = load_language(scenario.language)
    assert reachable(scenario) == {line.id for line in scenario.lines}
    assert len(scenario.lines) >= 14
    assert sum(len([p for p in parts_of(x.say) if isinstance(p, float)]) for x in scenario.lines) >= 3
    assert all(len(line.text.split()) <= 40 for line in scenario.all_lines())
    assert set(TRAINEES) <= set(scenario.trainees)
    for line in scenario.lines:
        if line.disclosure >= DISCLOSURE_LEVEL:
            assert line.feelings, line.id
    for trainee in scenario.trainees.values():
        for reply in trainee.all_replies():
            assert 4 <= len(reply.say.split()) <= 25, reply.say
            for aside in reply.during:
                assert len(aside.say) > 1
    warm = scenario.trainee("warm")
    for line_id, reply in warm.replies.items():
        if scenario.line(line_id).disclosure >= DISCLOSURE_LEVEL:
            assert 1.0 <= reply.after_s <= 4.0, line_id
        for aside in reply.during:
            assert normalise(aside.say) in language.backchannels | {"mm hm"}
    assert any(reply.after_s < -1 for reply in scenario.trainee("rushing").all_replies())


@pytest.mark.parametrize("name", SHIPPED)
def test_nobody_claims_therapy_or_speaks_like_a_clinic(name: str) -> None:
    words = (shipped("scenarios") / f"{name}.yaml").read_text().lower()
    for word in ("therap", "diagnos", "symptom", "assessment", "disorder", "suicid", "patholog", "coping"):
        assert word not in words, word


def test_the_heavy_ones_carry_a_content_note() -> None:
    assert load_scenario("peer-room").content_note and load_scenario("park-bench").content_note


def test_a_text_is_words_and_pauses() -> None:
    assert parts_of("I haven't [1.5]  told\n anyone.") == ("I haven't", 1.5, "told anyone.")
    assert parts_of("No.") == ("No.",)
    assert parts_of("") == ()


def test_a_stored_scenario_is_the_same_again() -> None:
    scenario = load_scenario("coffee-shop")
    assert Scenario.model_validate_json(scenario.model_dump_json()) == scenario


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(ScenarioError, match=r"Did you mean coffee-shop\?"):
        load_scenario("cofee-shop")
    with pytest.raises(ScenarioError, match=r"Did you mean lost-job\?"):
        load_scenario("coffee-shop").line("lostjob")
    with pytest.raises(ScenarioError, match=r"Did you mean fixing\?"):
        load_scenario("coffee-shop").trainee("fixin")


def test_the_users_own_scenarios_are_found_and_win(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("ALONGSIDE_DATA", str(tmp_path))
    own = tmp_path / "scenarios"
    own.mkdir()
    (own / "my-own.yaml").write_text(text.replace("id: coffee-shop", "id: my-own", 1))
    (own / "coffee-shop.yaml").write_text(text.replace("Coffee with Maya", "Mine", 1))
    assert scenario_names() == ("coffee-shop", "my-own", "park-bench", "peer-room")
    assert load_scenario("my-own").id == "my-own"
    assert load_scenario("coffee-shop").title == "Mine"


@pytest.mark.parametrize(
    ("old", "new", "field", "said"),
    [
        ("opening: hello", "opening: helo", "opening", "Did you mean hello?"),
        ("mood: anxious", "mood: anxius", "lines.5.mood", "Did you mean anxious?"),
        ("  - id: busy", "  - id: hello", "lines.2.id", "already a line hello"),
        ("topics: [worth]", "topics: [wroth]", "lines.11.topics", "Did you mean worth?"),
        ("leads_to: [days, work]", "leads_to: [dais, work]", "lines.0.leads_to", "Did you mean days?"),
        ("job any more. [1.5]", "job any more. [15]", "lines.6.say", "0.3 to 4 s, not 15"),
        ("job any more. [1.5]", "job any more. [0.1]", "lines.6.say", "0.3 to 4 s, not 0.1"),
        ("job any more. [1.5]", "job any more. [long]", "lines.6.say", "square brackets"),
        ("    disclosure: 2.5\n", "    disclosure: 2.7\n", "lines.6.disclosure", "multiple of 0.5"),
        ("      lost-job:\n", "      lost-jobs:\n", "warm.replies.lost-jobs", "Did you mean lost-job?"),
        ("pause: 1, at_s: 0.4", "pause: 3, at_s: 0.4", "replies.lost-job.during.0.pause", "only 1 written"),
        ("  rushing:\n", "  quick:\n", "trainees", "there is no trainee rushing"),
        ("  voice: maya\n", "", "client.voice", "the field voice is missing"),
        ("language: en\n", "language: eng\n", "language", "Did you mean en?"),
        ("    better: Five minutes and a box, after all that time. That sounds so painful.\n", "",
         "lines.6", "model reply"),
        ("id: coffee-shop", "id: tea-shop", "id", "the file is named coffee-shop"),
    ],
)  # fmt: skip
def test_a_mistake_names_field_and_cure(
    tmp_path: Path, text: str, old: str, new: str, field: str, said: str
) -> None:
    told = broken(tmp_path, text, old, new)
    assert field in told and said in told


def test_a_mistake_names_its_line(tmp_path: Path, text: str) -> None:
    at = text.splitlines().index("    mood: anxious") + 1
    assert f"line {at}, lines.5.mood" in broken(tmp_path, text, "mood: anxious", "mood: anxius")


def test_a_line_nobody_leads_to_is_refused(tmp_path: Path, text: str) -> None:
    told = broken(tmp_path, text, "leads_to: [home, money, secret, leaving]", "leads_to: [home, secret]")
    assert "the line savings cannot be reached" in told and "the line the-box cannot be reached" in told


def test_a_topic_opened_only_by_a_deeper_line_is_not_reachable(tmp_path: Path, text: str) -> None:
    # savings (2.5) would have to wait for not-told (3.0): the shallower may not depend on the deeper
    moved = text.replace("[home, money, secret, leaving]", "[home, secret, leaving]", 1)
    told = broken(
        tmp_path, moved, "leads_to: [worth, sleep, aloud]", "leads_to: [worth, sleep, aloud, money]"
    )
    assert "the line savings cannot be reached" in told and "lost-job" not in told


def test_a_leap_is_not_reachable() -> None:
    scenario = load_scenario("coffee-shop")
    low = {line.id for line in scenario.lines if line.disclosure < DISCLOSURE_LEVEL}
    lines = tuple(
        line.model_copy(update={"disclosure": 1.0 if line.id in low else 3.0}) for line in scenario.lines
    )
    assert reachable(scenario.model_copy(update={"lines": lines})) == low


def test_disclosures_are_counted_from_what_was_said() -> None:
    scenario = load_scenario("coffee-shop")
    assert disclosures_heard(scenario, ("hello", "lost-job", "want-normal", "not-told", "bye-warm")) == 2


def test_the_schema_describes_every_field() -> None:
    described = schema()
    assert set(described["properties"]) == set(Scenario.model_fields)
    assert described["additionalProperties"] is False
    assert set(described["required"]) >= {"id", "title", "client", "lines", "trainees"}
