"""Level 1, what a piece of speech is when the recogniser has no words for it."""

from __future__ import annotations

import pytest

from simulator.audio.span import Span
from simulator.audio.voicing import Voicing
from simulator.pieces import Piece, lone_voice
from simulator.speech.scripted import ScriptedTranscriber

RATE = 16_000


@pytest.mark.parametrize(
    ("length_s", "voiced", "heard"),
    [(0.08, 1.0, False), (0.2, 1.0, True), (0.5, 0.7, True), (0.5, 0.4, False), (1.2, 1.0, False)],
    ids=["a click", "mm", "ah", "a cough", "too long"],
)
def test_one_short_voice_over_the_client_needs_no_words(length_s: float, voiced: float, heard: bool) -> None:
    span = Span(RATE, RATE + round(length_s * RATE))
    piece = Piece(ScriptedTranscriber(()).listen(0), 0, 0, spans=[span], refined=[span])
    piece.voicings.append(Voicing(voiced=voiced, fillers=(), hum=False))
    found = lone_voice(piece, 3 * RATE, RATE)
    assert [utterance.span for utterance in found] == [span] * heard
    assert lone_voice(piece, RATE, RATE) == ()
