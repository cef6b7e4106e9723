"""Whether words make a whole sentence: what a listener would wait for."""

from __future__ import annotations

import pytest

from simulator.language.endings import BUCKETS, GOES_ON, bucket, features, log_odds, weights

WHOLE = (
    "that sounds really hard",
    "thank you for telling me that",
    "what was that like for you",
    "do you want to talk about it",
    "i am glad you came",
    "it sounds like you are very tired",
    "how long has this been going on",
    "you have been carrying this alone",
)
GOING_ON = (
    "that sounds really",
    "thank you for telling me that because",
    "what was that like for",
    "do you want to",
    "i am glad you came and",
    "it sounds like you are",
    "how long has this been going",
    "you have been carrying this on your",
)


@pytest.mark.parametrize("pair", list(zip(WHOLE, GOING_ON, strict=True)), ids=lambda pair: pair[1])
def test_a_broken_off_sentence_goes_on_rather_than_the_whole_one(pair: tuple[str, str]) -> None:
    whole, broken = (log_odds(text, "en") for text in pair)
    assert whole is not None and broken is not None
    assert whole > broken + 0.5


def test_most_are_told_rightly_by_themselves() -> None:
    right = sum((log_odds(t, "en") or 0) > 0 for t in WHOLE) + sum(
        (log_odds(t, "en") or 0) < 0 for t in GOING_ON
    )
    assert right >= 12


def test_a_comma_of_the_recognisers_goes_on_and_its_full_stop_says_nothing() -> None:
    plain = log_odds("that sounds really hard", "en")
    assert plain is not None
    assert log_odds("That sounds really hard.", "en") == pytest.approx(plain)
    assert log_odds("That sounds really hard,", "en") == pytest.approx(plain - GOES_ON)
    assert log_odds("That sounds really hard", "en") == pytest.approx(plain - GOES_ON)


def test_without_words_or_weights_nothing_is_known() -> None:
    assert log_odds("...", "en") is None
    assert log_odds("et puis", "xx") is None


def test_the_weights_fit_the_features() -> None:
    found = weights("en")
    assert found is not None
    assert found[0].shape == (BUCKETS,)
    assert bucket("1=and") == 122161 or 0 <= bucket("1=and") < BUCKETS
    assert "1=and" in features(["you", "and"], "en") and "n=2" in features(["you", "and"], "en")
