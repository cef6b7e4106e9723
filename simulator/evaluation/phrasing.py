"""What the trainee's words do: the phrase judge. Rules over the words that were heard, with their places.

A recogniser may give no punctuation, so a question is found by its words. Signs disagree; the strongest wins
where they meet (`skills.PRECEDENCE`): "have you tried" is advice though it asks, "it sounds like you should"
is advice though it begins as a reflection. Reflections, naming and taking up are heard against the client's
own words (Miller and Rollnick 2013; MITI 4.2.1).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from simulator.dialogue.floor import encourages
from simulator.dialogue.scenario import DISCLOSURE_LEVEL
from simulator.dialogue.skills import CLOSING, HARM, OPENING, Skill
from simulator.dialogue.turns import Exchange
from simulator.evaluation.findings import Finding, Verdict
from simulator.evaluation.wording import Phrases, Sentence, Token, evidence, load_phrases, root, sentences
from simulator.language import Language, tokens

LONGEST_QUOTE = 14
"""Words that a finding quotes at most, from where its sign begins."""

NEAR = 3
"""A weaker sign yields to a stronger one that begins within so many words after it."""

ECHO = 4
"""So many of the client's words in a row are said back, not suggested."""

TAKEN_WITH = 4
"""Words quoted before one that is taken up, so that it can be understood."""

Q, ADV = 30, 10
_RANK: dict[Skill, int] = {
    **dict.fromkeys(HARM, 0),
    Skill.ADVICE_WITH_PERMISSION: ADV,
    Skill.ADVICE: ADV + 1,
    Skill.FIXING: ADV + 1,
    Skill.SELF_FOCUS: 20,
    Skill.LEADING: Q,
    Skill.WHY_QUESTION: Q,
    Skill.OPEN_QUESTION: Q + 1,
    Skill.EXPLORATION: Q + 1,
    Skill.AUTONOMY: Q + 1,
    Skill.CLOSED_QUESTION: Q + 2,
    Skill.REFLECTION_SIMPLE: 40,
    Skill.REFLECTION_COMPLEX: 40,
    Skill.NAMING: 50,
}
_LEAST = 60

_REASONS: dict[Skill, tuple[str, str]] = {
    Skill.OPEN_QUESTION: (
        "open-question",
        "An open question leaves the client room to find their own words.",
    ),
    Skill.EXPLORATION: ("exploring", "It asks for more of what the client lives through."),
    Skill.AUTONOMY: ("leaving-the-choice", "It leaves the choice with the client."),
    Skill.CLOSED_QUESTION: ("closed-question", "A question that a yes or no answers."),
    Skill.REFLECTION_SIMPLE: (
        "reflection-simple",
        "It says back what the client said, so they know they were heard.",
    ),
    Skill.REFLECTION_COMPLEX: (
        "reflection-complex",
        "It says back more than the words, a meaning or a feeling.",
    ),
    Skill.NAMING: ("naming", "It names a feeling."),
    Skill.TAKING_UP: ("taking-up", "It takes up the client's own words."),
    Skill.MISSED_DISCLOSURE: (
        "missed-disclosure",
        "The client trusted you with a feeling, and the answer passed it by.",
    ),
}


@dataclass(frozen=True, slots=True)
class Heard:
    """What the client has said: the line that is answered, and the earlier ones, with the feelings disclosed.

    `feelings` are the feeling words that the scenario says the line discloses, `better` the reply that its
    author would give.
    """

    line: str
    said: str = ""
    before: tuple[str, ...] = ()
    feelings: tuple[str, ...] = ()
    disclosure: float = 1.0
    better: str | None = None


@dataclass(frozen=True, slots=True)
class _Hit:
    """A sign in the sentence at `where`, over its tokens `[start, end)`."""

    skill: Skill
    rule: str
    where: int
    start: int
    end: int
    reason: str
    better: str | None = None

    @property
    def rank(self) -> int:
        return _RANK.get(self.skill, _LEAST)


def verdict(skill: Skill) -> Verdict:
    """What a skill means for the client."""
    if skill in OPENING:
        return Verdict.STRENGTH
    return Verdict.TRY if skill in CLOSING else Verdict.NEUTRAL


def judge(exchange: Exchange, heard: Heard, rate: int, language: Language) -> tuple[Finding, ...]:
    """What the trainee's words in one exchange do, in the order of the tape. Backchannels are not judged."""
    phrases = load_phrases(language.name)
    turn = [u for u in exchange.during + exchange.reply if u.text and not encourages(u, rate, language)]
    spoken = sentences(turn, rate)
    hits: list[_Hit] = []
    for where, sentence in enumerate(spoken):
        found = [hit for hit in _by_rules(where, sentence, phrases) if not _echoes(hit, sentence, heard)]
        found += _questions(where, sentence, phrases)
        kept = _strongest(found)
        kept += _reflections(where, sentence, kept, heard, phrases, language)
        kept += _namings(where, sentence, kept, heard, phrases, language)
        hits += _strongest(kept)
    hits = _over_the_turn(hits, spoken, phrases)
    hits += _taking_up(spoken, hits, heard, phrases, language)
    hits += _by_absence(spoken, hits, heard)
    hits.sort(key=lambda hit: (hit.where, hit.start, hit.rank, hit.rule))
    return tuple(_once(_finding(hit, hits, spoken, heard) for hit in hits))


def _by_rules(where: int, sentence: Sentence, phrases: Phrases) -> Iterable[_Hit]:
    for rule in phrases.rules:
        spared = [(start, end) for start, end, _ in sentence.matches(rule.unless)]
        for start, end, match in sentence.matches(rule.patterns):
            if any(a < end and start < b for a, b in spared):
                continue
            better = rule.better.format(**match.groupdict()) if rule.better else None
            yield _Hit(rule.skill, rule.id, where, start, end, rule.reason, better)


def _echoes(hit: _Hit, sentence: Sentence, heard: Heard) -> bool:
    """Whether what looks like advice is the client's own idea said back: `ECHO` words in a row are theirs."""
    if hit.skill not in (Skill.ADVICE, Skill.FIXING):
        return False
    said = f" {' '.join(tokens(heard.said))} "
    words = [token.text for token in sentence.tokens[hit.start : hit.start + LONGEST_QUOTE]]
    runs = (words[at : at + ECHO] for at in range(len(words) - ECHO + 1))
    return any(f" {' '.join(run)} " in said for run in runs)


def _shape(skill: Skill, where: int, start: int, end: int) -> _Hit:
    rule, reason = _REASONS[skill]
    return _Hit(skill, rule, where, start, end, reason)


def _questions(where: int, sentence: Sentence, phrases: Phrases) -> list[_Hit]:
    spared = [(start, end) for start, end, _ in sentence.matches(phrases.not_questions)]

    def asked(alternatives: tuple[str, ...], anywhere: bool) -> list[tuple[int, int]]:
        return [
            (start, end)
            for start, end, _ in sentence.matches(alternatives)
            if not any(a < end and start < b for a, b in spared)
            and (anywhere or _may_open(sentence, start, phrases))
        ]

    closed = [_shape(Skill.CLOSED_QUESTION, where, *at) for at in asked(phrases.closed_questions, False)]
    pointed = {hit.start for hit in closed if sentence.tokens[hit.start].text in ("how", "what")}
    opened = [
        _shape(Skill.OPEN_QUESTION, where, *at)
        for at in asked(phrases.open_questions, False)
        if at[0] not in pointed
    ]
    covered = {hit.start for hit in opened}
    inside = [hit for hit in closed if not any(o.start <= hit.start < o.end + 1 for o in opened)]
    explored = [
        _shape(Skill.EXPLORATION, where, *at) for at in asked(phrases.exploration, True) if at[0] in covered
    ]
    free = [_shape(Skill.AUTONOMY, where, *at) for at in asked(phrases.autonomy, True)]
    return inside + opened + explored + free


def _may_open(sentence: Sentence, start: int, phrases: Phrases) -> bool:
    """Whether a question may begin here: at a clause's start, after a word that leads into one, or, where
    nothing marks clauses, with a verb turned round before "you"."""
    if start == 0 or sentence.tokens[start].opens or sentence.tokens[start - 1].text in phrases.leaders:
        return True
    following = sentence.tokens[start + 1].text if start + 1 < len(sentence.tokens) else ""
    earlier = {token.text for token in sentence.tokens[max(0, start - 3) : start]}
    if sentence.tokens[start].text in phrases.question_words:
        return following in phrases.question_verbs
    return following in phrases.second_person and not earlier & set(phrases.joining_words)


def _meet(one: _Hit, other: _Hit, near: int = 0) -> bool:
    return one.where == other.where and one.start < other.end and other.start < one.end + near


def _strongest(hits: list[_Hit]) -> list[_Hit]:
    """Where signs meet, the strongest; of the same strength, the first and then the longest."""
    kept: list[_Hit] = []
    for hit in sorted(hits, key=lambda h: (h.rank, h.start, h.start - h.end)):
        stronger = [k for k in kept if k.rank < hit.rank and k.rank // 10 != 4]
        same = [k for k in kept if k.rank == hit.rank and (k.skill is hit.skill or hit.rank < Q)]
        yields_to = any(_meet(hit, k, NEAR if k.rank < Q and hit.rank >= Q else 0) for k in stronger)
        mixed = hit.rank in (40, 50, _LEAST) and all(k.rank >= Q for k in stronger if _meet(hit, k))
        if (yields_to and not (mixed and hit.rank != 40)) or any(_meet(hit, k) for k in same):
            continue
        kept.append(hit)
    return kept


def _reach(start: int, sentence: Sentence, others: Iterable[_Hit]) -> int:
    """Where what begins at `start` ends: at the next sign, the sentence's end, or when too long."""
    next_sign = min((hit.start for hit in others if hit.start > start), default=len(sentence.tokens))
    return min(next_sign, start + LONGEST_QUOTE, len(sentence.tokens))


def _families(words: Iterable[str], language: Language) -> set[str]:
    return {language.feelings[word] for word in words if word in language.feelings}


def _content(words: Iterable[str], phrases: Phrases, language: Language) -> list[str]:
    dull = language.function_words
    return [
        w for w in words if w not in dull and w not in phrases.generic_words and w not in language.fillers
    ]


def _reflections(
    where: int, sentence: Sentence, kept: list[_Hit], heard: Heard, phrases: Phrases, language: Language
) -> list[_Hit]:
    """Stems and openers whose content meets what the client said, or says what it may mean."""
    client = tokens(" ".join((*heard.before, heard.said)))
    client_roots = {root(word) for word in _content(client, phrases, language)}
    client_families = _families(client, language) | _families(heard.feelings, language)
    stems = {start: end for start, end, _ in sentence.matches(phrases.reflection_stems)}
    opening = {
        start: end
        for start, end, _ in sentence.matches(phrases.reflection_openers)
        if start not in stems and (start == 0 or sentence.tokens[start].opens)
    }
    found: list[_Hit] = []
    for start, end in sorted({**opening, **stems}.items()):
        if any(hit.where == where and start < hit.end for hit in found):
            continue
        strong = [hit for hit in kept if hit.rank < 40]
        reach = _reach(end - 1, sentence, strong)
        if any(_meet(hit, _Hit(Skill.REFLECTION_SIMPLE, "", where, start, end, ""), NEAR) for hit in strong):
            continue
        if any(hit.start <= start < hit.end + NEAR for hit in strong):
            continue
        words = [token.text for token in sentence.tokens[end if start in stems else start : reach]]
        content = _content(words, phrases, language)
        meets = [word for word in content if root(word) in client_roots]
        named = _families((w for w in words if w not in phrases.not_feelings), language)
        told = bool(meets or (named & client_families))
        if not (told or (start in stems and (named or len(content) >= 2))):
            continue
        added = [word for word in content if root(word) not in client_roots]
        said_families = _families(client, language)
        deeper = bool(named - said_families) or (len(added) >= 2 and 2 * len(added) >= len(content))
        skill = Skill.REFLECTION_COMPLEX if deeper else Skill.REFLECTION_SIMPLE
        found.append(_shape(skill, where, start, reach))
    return found


def _namings(
    where: int, sentence: Sentence, kept: list[_Hit], heard: Heard, phrases: Phrases, language: Language
) -> list[_Hit]:
    disclosed = _families((*tokens(heard.said), *heard.feelings), language)
    found = []
    for at, token in enumerate(sentence.tokens):
        if token.text not in language.feelings or token.text in phrases.not_feelings:
            continue
        before = [t.text for t in sentence.tokens[max(0, at - 6) : at]]
        owners = [
            i for i, word in enumerate(before) if word in phrases.about_client or word in phrases.own_words
        ]
        owner = before[owners[-1]] if owners else None
        if (
            any(word in phrases.bidden for word in before[-2:])
            or owner in phrases.own_words
            or (owner is None and at > 2)
        ):
            continue
        if any(hit.rank < Q and hit.start <= at < hit.end + LONGEST_QUOTE for hit in kept):
            continue
        start = at - len(before) + owners[-1] if owners else at
        hit = _shape(Skill.NAMING, where, start, at + 1)
        if language.feelings[token.text] in disclosed:
            hit = replace(hit, rule="naming-heard", reason="It names the feeling that the client showed.")
        found.append(hit)
    return found[:2]


def _over_the_turn(hits: list[_Hit], spoken: tuple[Sentence, ...], phrases: Phrases) -> list[_Hit]:
    """What only the whole turn shows: permission asked before advice, and a story that comes back."""
    asked = [hit for hit in hits if hit.skill is Skill.ADVICE_WITH_PERMISSION]
    kept = []
    for hit in hits:
        place = (hit.where, hit.start)
        if hit.skill is Skill.ADVICE and any((p.where, p.start) < place for p in asked):
            continue
        if hit.skill is Skill.SELF_FOCUS and _comes_back(hit, spoken, phrases):
            continue
        kept.append(hit)
    something = {h.skill for h in kept} & (OPENING - {Skill.BACKCHANNEL})
    return [h for h in kept if h.skill is not Skill.EMPTY_SYMPATHY or not something]


def _comes_back(hit: _Hit, spoken: tuple[Sentence, ...], phrases: Phrases) -> bool:
    rest = Sentence(
        spoken[hit.where].tokens[hit.end :] + tuple(t for s in spoken[hit.where + 1 :] for t in s.tokens)
    )
    return bool(rest.matches(phrases.coming_back))


def _taking_up(
    spoken: tuple[Sentence, ...], hits: list[_Hit], heard: Heard, phrases: Phrases, language: Language
) -> list[_Hit]:
    """The first place where a word of the client's own is taken up, outside what hurts or advises."""
    client = _content(tokens(" ".join((*heard.before, heard.said))), phrases, language)
    roots = {root(word) for word in client if len(word) >= 4 and word not in language.numbers}
    for where, sentence in enumerate(spoken):
        for at, token in enumerate(sentence.tokens):
            spoilt = any(h.where == where and h.rank < Q and at < h.end + LONGEST_QUOTE for h in hits)
            if spoilt or root(token.text) not in roots or not _content([token.text], phrases, language):
                continue
            return [_shape(Skill.TAKING_UP, where, max(0, at - TAKEN_WITH), at + 1)]
    return []


def _by_absence(spoken: tuple[Sentence, ...], hits: list[_Hit], heard: Heard) -> list[_Hit]:
    """A disclosed feeling that nothing in the answer meets."""
    if not spoken or heard.disclosure < DISCLOSURE_LEVEL or not heard.feelings:
        return []
    if {hit.skill for hit in hits} & (OPENING - {Skill.BACKCHANNEL, Skill.ADVICE_WITH_PERMISSION}):
        return []
    return [_shape(Skill.MISSED_DISCLOSURE, 0, 0, len(spoken[0].tokens))]


_POINTED = frozenset({Skill.NAMING, Skill.TAKING_UP})


def _finding(hit: _Hit, hits: list[_Hit], spoken: tuple[Sentence, ...], heard: Heard) -> Finding:
    sentence = spoken[hit.where]
    covered: tuple[Token, ...] = sentence.tokens[hit.start : hit.end]
    if hit.skill not in _POINTED:
        others = [h for h in hits if h.where == hit.where and h.start >= hit.end and h.skill not in _POINTED]
        covered = sentence.tokens[hit.start : max(hit.end, _reach(hit.start, sentence, others))]
    spans, quote = evidence(covered)
    better = hit.better if hit.better and hit.rule == "why-feel" else None
    if verdict(hit.skill) is not Verdict.STRENGTH:
        better = better or heard.better or hit.better
    return Finding(
        hit.skill, verdict(hit.skill), spans, quote, hit.rule, hit.reason, better, heard.line, None
    )


def _once(findings: Iterable[Finding]) -> list[Finding]:
    """Each skill once for the same words."""
    seen: set[tuple[Skill, tuple[object, ...]]] = set()
    kept = []
    for finding in findings:
        key = (finding.skill, finding.evidence)
        if key not in seen:
            seen.add(key)
            kept.append(finding)
    return kept
