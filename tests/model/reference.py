"""The rule book once more, in slow and obvious Python, one contact at a time.

Written from the rules alone. It shares nothing with the model room but the types of the model file, so that both are wrong in the
same way only if the rules are.
"""

from __future__ import annotations

import itertools
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from sync_worker.model.file.conditions import Condition
from sync_worker.model.file.schema import Criterion, Degradation, Document, Rule
from tests.model import reference_lookup as words

Event = Mapping[str, Any]

COUNTERS = {
    "email_click": ("hs_email_click", "hs_email_last_click_date"),
    "email_open": ("hs_email_open", "hs_email_last_open_date"),
    "page_view": ("hs_analytics_num_page_views", "hs_analytics_last_timestamp"),
    "form_submission": ("num_conversion_events", "recent_conversion_date"),
}
SOURCES = {"download": {"page_view", "email_click"}, "search_term": {"page_view"}, "campaign_touch": {"page_view"}}
LETTERS = ["F", "D-", "D", "D+", "C-", "C", "C+", "B-", "B", "B+", "A-", "A", "A+"]
DATES = {"createdate", *(last for _, last in COUNTERS.values())}
NUMBERS = {"hs_email_sends_since_last_engagement", "company.numberofemployees", *(number for number, _ in COUNTERS.values())}
BOOLEANS = {"hs_email_optout"}
DAY = timedelta(days=1)
MAX_EVENTS = 10_000


@dataclass(kw_only=True)
class Verdict:
    """What the rules say about one contact; points are exact."""

    score: int
    lines: dict[str, Fraction]
    band: str
    grade: str
    grade_known: int
    by_score: bool
    direct: bool
    disqualified: bool
    mql: bool
    mql_reason: str | None
    disqualified_by: str | None
    trend: str
    counts: dict[str, int] = field(default_factory=dict)
    earned: Fraction = Fraction(0)
    decayed: Fraction = Fraction(0)


@dataclass(kw_only=True)
class Case:
    """One contact, its events, the model, the portal's blind spots, the instant."""

    document: Document
    contact: Mapping[str, str | None]
    events: list[Event]
    now: datetime
    by_score_before: bool = False
    hidden: frozenset[str] = frozenset()


def evaluate(case: Case) -> Verdict:
    """Judge one contact."""
    known = [event for event in deduplicate(case.events) if event["at"] <= case.now and event["kind"] not in case.hidden]
    real = [event for event in known if not is_quarantined(event, known, case.document)]
    lines, counts, earned, decayed = score_lines(case, real, case.now)
    then = sum(score_lines(case, real, case.now - case.document.score.trend.over)[0].values())
    score = sum(lines.values())
    letter, rank, complete = grade(case)
    rules = case.document.qualification
    needed = exit_threshold(case.document) if case.by_score_before else Fraction(rules.threshold)
    by_score = score >= needed and passes_grade(case.document, rank, complete)
    direct = first_rule(case, rules.direct, real)
    out = first_rule(case, rules.disqualifiers, real)
    mql = (by_score or direct is not None) and out is None
    change, least = score - then, case.document.score.trend.at_least
    return Verdict(
        score=int(score),
        lines=lines,
        band=[band.name for band in case.document.score.bands if band is case.document.score.bands[0] or score >= band.from_][-1],
        grade=letter.rstrip("+-") if case.document.grade.letters == "whole" else letter,
        grade_known=complete,
        by_score=by_score,
        direct=direct is not None,
        disqualified=out is not None,
        mql=mql,
        mql_reason=(direct or "by_score") if mql else None,
        disqualified_by=out,
        trend="rising" if change >= least else "falling" if change <= -least else "steady",
        counts=counts,
        earned=earned,
        decayed=decayed,
    )


# Signals


def deduplicate(events: Iterable[Event]) -> list[Event]:
    """Each event once."""
    return list({(event["kind"], event["event_id"]): event for event in events}.values())


def is_quarantined(event: Event, known: list[Event], document: Document) -> bool:
    """Whether a machine made an event."""
    rules = document.machine_clicks
    click = event["kind"] == "email_click"
    if rules.flagged_by_hubspot and event["filtered"]:
        return True
    if click and rules.after_send is not None and event["sent_at"] and event["at"] - event["sent_at"] <= rules.after_send:
        return True
    if (
        rules.user_agents
        and event["user_agent"]
        and any(matches_glob(pattern, event["user_agent"].lower()) for pattern in rules.user_agents)
    ):
        return True
    return click and rules.links_within_a_second is not None and is_in_burst(event, known, rules.links_within_a_second)


def is_in_burst(event: Event, known: list[Event], links: int) -> bool:
    """Whether some second that holds a click holds so many different links."""
    clicks = [other for other in known if other["kind"] == "email_click"]
    for start in clicks:
        second = [other for other in clicks if start["at"] <= other["at"] <= start["at"] + timedelta(seconds=1)]
        if event in second and len({other["url"] for other in second if other["url"] is not None}) >= links:
            return True
    return False


def is_kind(event: Event, kind: str, document: Document) -> bool:
    """Whether an event is of a kind, recorded or derived."""
    if kind not in SOURCES:
        return bool(event["kind"] == kind)
    url = event["url"] or ""
    given = {name.lower(): value for name, value in parse_qsl(urlsplit(url).query) if value}
    if event["kind"] not in SOURCES[kind]:
        return False
    if kind == "download":
        return any(matches_url(pattern, url) for pattern in document.signals.downloads.urls)
    if kind == "search_term":
        return any(name in given for name in document.signals.search_terms.parameters)
    return bool(event["campaign"]) or any(name in given for name in document.signals.campaign_touches.parameters)


# The score


def score_lines(case: Case, real: list[Event], at: datetime) -> tuple[dict[str, Fraction], dict[str, int], Fraction, Fraction]:
    """Return the ledger, the numbers of events counted, the earned total, and what is left of it."""
    document = case.document
    lines, counts, engaged, lost = {}, {}, [], Fraction(0)
    for key, criterion in document.score.criteria.items():
        if not criterion.enabled:
            continue
        points, count, newest, faded = score_line(case, criterion, real, at)
        lines[key], counts[key] = points, count
        if is_positive(case.document, criterion) and criterion.event:
            lost += points - faded
            engaged += newest
    earned = sum((points for points in lines.values() if points > 0), Fraction(0))
    negatives = sum((points for points in lines.values() if points < 0), Fraction(0))
    loss = lost if document.score.degradation.kind == "per_event" else inactivity_penalty(earned, engaged, document.score.degradation, at)
    floor = Fraction(document.qualification.threshold) * Fraction(document.score.degradation.floor) / 100
    decayed = max(earned - loss, min(earned, floor))
    exact = decayed + negatives
    clamped = exact if document.score.minimum is None else max(exact, Fraction(document.score.minimum))
    lines["degradation"], lines["floor"] = -loss, decayed - earned + loss
    if document.score.minimum is not None:
        lines["minimum"] = clamped - exact
    lines["rounding"] = math.floor(clamped + Fraction(1, 2)) - clamped
    return lines, counts, earned, decayed


def score_line(case: Case, criterion: Criterion, real: list[Event], at: datetime) -> tuple[Fraction, int, list[datetime], Fraction]:
    """Return points, number of events counted, when engagement was, and what age leaves of the points."""
    document = case.document
    if criterion.when:
        points = points_for(document, criterion, int(evaluate_condition(criterion.when, case.contact, case) is True))
        return points, 0, [], points
    kinds = SOURCES.get(criterion.event or "", {criterion.event})
    if kinds <= case.hidden:
        return count_from_counter(case, criterion, at)
    matching = [event for event in real if is_kind(event, criterion.event or "", document) and event["at"] <= at]
    if criterion.where:
        matching = [event for event in matching if evaluate_condition(criterion.where, event, case) is True]
    inside = [event["at"] for event in matching if criterion.within is None or event["at"] >= at - criterion.within]
    counted = limit_per_day(inside, criterion.per_day, document.time_zone)
    points = points_for(document, criterion, len(counted))
    return points, len(counted), [event["at"] for event in matching], decay_events(document, criterion, counted, at)


def count_from_counter(case: Case, criterion: Criterion, at: datetime) -> tuple[Fraction, int, list[datetime], Fraction]:
    """Take HubSpot's counter for the events, where it says all that is asked."""
    once_only = criterion.points is not None or criterion.importance is not None or list(criterion.tiers or {}) == [1]
    if criterion.event not in COUNTERS or criterion.where or ((criterion.within or criterion.per_day) and not once_only):
        return Fraction(0), 0, [], Fraction(0)
    number, last = (parse_value(name, case.contact.get(name)) for name in COUNTERS[criterion.event])
    newest = min(last, at) if last and last <= case.now else None
    known = int(min(max(number or 0, 0), MAX_EVENTS))
    seen = known if criterion.within is None or (newest and newest >= at - criterion.within) else 0
    points = points_for(case.document, criterion, seen)
    left = points if newest is None else decay(points, newest, case.document.score.degradation, at)
    return points, seen, [newest] if known and newest else [], left


def limit_per_day(times: list[datetime], limit: int | None, zone: str) -> list[datetime]:
    """Keep the newest of each day."""
    if limit is None:
        return times
    newest_first = sorted(times, reverse=True)
    days = itertools.groupby(newest_first, key=lambda at: at.astimezone(ZoneInfo(zone)).date())
    return [at for _, group in days for at in list(group)[:limit]]


def points_for(document: Document, criterion: Criterion, events: int) -> Fraction:
    """Return what so many events are worth."""
    if criterion.each is not None:
        total = Fraction(criterion.each) * min(events, MAX_EVENTS)
        cap = None if criterion.at_most is None else abs(Fraction(criterion.at_most))
        return total if cap is None else max(-cap, min(cap, total))
    return sum((points for at, points in tier_points(document, criterion).items() if events >= at), Fraction(0))


def tier_points(document: Document, criterion: Criterion) -> dict[int, Fraction]:
    """Return what is added at so many events; points that are given once are a tier at the first."""
    if criterion.tiers is not None:
        return {at: Fraction(points) for at, points in criterion.tiers.items()}
    if criterion.points is not None:
        return {1: Fraction(criterion.points)}
    name = criterion.importance or ""
    worth = Fraction(document.importance[name.lstrip("-")])
    return {1: -worth if name.startswith("-") else worth}


def is_positive(document: Document, criterion: Criterion) -> bool:
    """Whether a criterion speaks for somebody."""
    return points_for(document, criterion, MAX_EVENTS) > 0


def inactivity_penalty(earned: Fraction, engaged: list[datetime], rules: Degradation, at: datetime) -> Fraction:
    """Return what inactivity takes from the earned total."""
    if rules.kind == "none" or not engaged:
        return Fraction(0)
    grace, every = rules.grace if rules.grace is not None else 30 * DAY, rules.every or 30 * DAY
    periods = max(0, (at - max(engaged) - grace) // every)
    if rules.half_life is not None:
        return earned - round_to_micro(float(earned) * 0.5 ** (periods * (every / rules.half_life)))
    amount, _, unit = (rules.lose or "10 %").partition(" ")
    if unit == "%":
        return earned * Fraction(amount) / 100 * periods
    return Fraction(amount) * periods if earned > 0 else Fraction(0)


def decay_events(document: Document, criterion: Criterion, counted: list[datetime], at: datetime) -> Fraction:
    """Return what is left of a criterion's points when each event fades with its own age."""
    rules = document.score.degradation
    if rules.kind != "per_event":
        return Fraction(0)
    newest_first = sorted(counted, reverse=True)
    if criterion.each is not None:
        left = sum((decay(Fraction(criterion.each), when, rules, at) for when in newest_first[:MAX_EVENTS]), Fraction(0))
        return left if criterion.at_most is None else min(left, Fraction(criterion.at_most))
    steps = tier_points(document, criterion)
    return sum((decay(points, newest_first[n - 1], rules, at) for n, points in steps.items() if n <= len(newest_first)), Fraction(0))


def decay(points: Fraction, event_time: datetime, rules: Degradation, at: datetime) -> Fraction:
    """Return what age leaves of points: half after each half-life, or nothing after the expiry."""
    if rules.kind != "per_event":
        return points
    age = max(timedelta(0), at - event_time - (rules.grace or timedelta(0)))
    share = 0.5 ** (age / rules.half_life) if rules.half_life else max(0.0, 1 - age / (rules.expiry or DAY))
    return round_to_micro(float(points) * share)


def round_to_micro(number: float) -> Fraction:
    """Points are held to a millionth."""
    return Fraction(math.floor(number * 1_000_000 + 0.5), 1_000_000)


# The grade, and who is an MQL


def grade(case: Case) -> tuple[str, int, int]:
    """Return the letter, its rank from F, and how many criteria are known."""
    rank, known = LETTERS.index(case.document.grade.start), 0
    for criterion in case.document.grade.criteria.values():
        answer = evaluate_condition(criterion.when, case.contact, case) if criterion.enabled else None
        known += answer is not None
        rank += {True: criterion.thirds, False: criterion.otherwise, None: 0}[answer]
    rank = max(0, min(len(LETTERS) - 1, rank))
    return LETTERS[rank], rank, known


def passes_grade(document: Document, rank: int, known: int) -> bool:
    """Whether the grade lets a by-score MQL pass."""
    rules = document.qualification
    good = rules.grade_at_least is None or rank >= LETTERS.index(rules.grade_at_least)
    if rules.known_at_least is not None and known < rules.known_at_least:
        return rules.incomplete_grade == "pass"
    return good


def exit_threshold(document: Document) -> Fraction:
    """Return the score below which a by-score MQL leaves."""
    rules = document.qualification
    return Fraction(rules.threshold) * 5 / 6 if rules.leave_below is None else Fraction(rules.leave_below)


def first_rule(case: Case, rules: Mapping[str, Rule], real: list[Event]) -> str | None:
    """Return the first rule, by name, that holds."""
    return next((key for key, rule in sorted(rules.items()) if rule.enabled and applies(case, rule, real)), None)


def applies(case: Case, rule: Rule, real: list[Event]) -> bool:
    """Whether a rule holds."""
    if rule.when:
        return evaluate_condition(rule.when, case.contact, case) is True
    since = case.now - rule.validity if rule.validity else datetime.min.replace(tzinfo=UTC)
    if SOURCES.get(rule.event or "", {rule.event}) <= case.hidden:
        if rule.event not in COUNTERS or rule.where:
            return False
        number, last = (parse_value(name, case.contact.get(name)) for name in COUNTERS[rule.event])
        return (number or 0) >= 1 and (rule.validity is None or bool(last and last <= case.now and last >= since))
    found = (event for event in real if is_kind(event, rule.event or "", case.document) and event["at"] >= since)
    return any(rule.where is None or evaluate_condition(rule.where, event, case) is True for event in found)


# Conditions: True, False, or None for unknown


def evaluate_condition(condition: Condition, of: Mapping[str, Any], case: Case) -> bool | None:
    """Answer a condition."""
    answers = [
        evaluate_operator(subject, name, operand, of, case)
        for subject, test in condition.tests.items()
        for name, operand in test.operators.items()
    ]
    if condition.all:
        answers.append(all_of([evaluate_condition(part, of, case) for part in condition.all]))
    if condition.any:
        answers.append(any_of([evaluate_condition(part, of, case) for part in condition.any]))
    if condition.first_known:
        answers.append(next((found for part in condition.first_known if (found := evaluate_condition(part, of, case)) is not None), None))
    if condition.not_:
        inner = evaluate_condition(condition.not_, of, case)
        answers.append(None if inner is None else not inner)
    return all_of(answers)


def all_of(answers: list[bool | None]) -> bool | None:
    """One no is no; else what is unknown is unknown."""
    return False if False in answers else None if None in answers else True


def any_of(answers: list[bool | None]) -> bool | None:
    """One yes is yes; else what is unknown is unknown."""
    return True if True in answers else None if None in answers else False


def evaluate_operator(subject: str, operator: str, operand: Any, of: Mapping[str, Any], case: Case) -> bool | None:
    """Answer one operator; a form is known by its id or its name."""
    if operator in ("is_not", "not_in", "is_unknown"):
        opposite = evaluate_operator(subject, {"is_not": "is", "not_in": "in", "is_unknown": "is_known"}[operator], operand, of, case)
        return None if opposite is None else not opposite
    names = ["form_id", "form_name"] if subject == "form" else [subject]
    values = [value for name in names if (value := parse_value(name, of.get(name))) is not None]
    if operator == "is_known":
        return bool(values)
    operands = operand if isinstance(operand, tuple) else (operand,)
    if operator in ("country_in", "seniority_at_least", "domain_in"):
        return any_of([match_words(operator, operands, of[name], case.document) for name in names if of.get(name) is not None] or [None])
    answers = [compare_value(subject, operator, operands, value, case.now) for value in values]
    return any_of(answers) if answers else None


def match_words(operator: str, operands: tuple[Any, ...], value: str, document: Document) -> bool | None:
    """Answer what is asked of the words of a text."""
    if operator == "domain_in":
        return words.is_listed(value, operands, document)
    if operator == "country_in":
        code = words.country_code(value, normalize_text)
        return None if code is None else code in [words.country_code(wanted, normalize_text) for wanted in operands]
    rank = words.seniority_rank(value, normalize_text)
    return None if rank is None else rank >= words.LEVELS.index(operands[0])


def parse_value(name: str, raw: Any) -> Any:
    """Return a value in the type of its property; what cannot be understood is unknown."""
    if raw is None or name == "url":
        return raw
    text = raw.strip()
    if name in BOOLEANS:
        return {"true": True, "false": False}.get(text.lower())
    if name in NUMBERS:
        return float(text) if re.fullmatch(r"[+-]?\d+(\.\d+)?", text) else None
    if name in DATES:
        return parse_time(text)
    return normalize_text(text) or None


def parse_time(text: str) -> datetime | None:
    """Read HubSpot's ways to write a time."""
    if re.fullmatch(r"\d{9,14}", text):
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def normalize_text(text: str) -> str:
    """Text without case, accents and stray blanks."""
    parts = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    return " ".join("".join(part for part in parts if not unicodedata.combining(part)).casefold().split())


def compare_value(subject: str, operator: str, operands: tuple[Any, ...], value: Any, now: datetime) -> bool | None:
    """Answer one operator about one known value."""
    if subject == "url":
        return compare_url(operator, operands, value)
    if isinstance(value, datetime):
        return compare_date(operator, operands, value, now)
    if isinstance(value, (bool, float)):
        return compare_number(operator, operands, value)
    if operator == "regex":
        return re.search(operands[0], value, re.IGNORECASE) is not None
    return any(compare_text(operator, normalize_text(str(wanted)), value) for wanted in operands)


def compare_text(operator: str, wanted: str, value: str) -> bool:
    """Answer one operator about a text."""
    if operator in ("is", "in"):
        return value == wanted
    if operator == "contains_any":
        return re.search(rf"(?<![a-z0-9]){re.escape(wanted)}(?![a-z0-9])", value) is not None
    ends = {"starts_with": ("", "*"), "ends_with": ("*", ""), "matches": ("", "")}[operator]
    return matches_glob(wanted.join(ends), value)


def compare_number(operator: str, operands: tuple[Any, ...], value: float) -> bool:
    """Answer one operator about a number."""
    if operator in ("is", "in"):
        return value in operands
    if operator == "at_least":
        return bool(value >= operands[0])
    return bool(value <= operands[0]) if operator == "at_most" else bool(operands[0] <= value <= operands[1])


def compare_date(operator: str, operands: tuple[Any, ...], value: datetime, now: datetime) -> bool | None:
    """Answer one operator about a date; for how long ago something was, a date in the future says nothing."""
    if operator in ("within", "older_than"):
        recent = now - value <= operands[0]
        return None if value > now else recent if operator == "within" else not recent
    bounds = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in operands]
    if operator == "at_least":
        return value >= bounds[0]
    return value < bounds[-1] + DAY and (operator == "at_most" or value >= bounds[0])


def compare_url(operator: str, operands: tuple[Any, ...], value: str) -> bool:
    """Answer one operator about a URL."""
    if operator == "matches":
        return any(matches_url(pattern, value) for pattern in operands)
    if operator == "regex":
        return re.search(operands[0], value, re.IGNORECASE) is not None
    path = urlsplit(value.lower()).path
    if operator == "starts_with":
        return any(path.startswith(start.lower()) for start in operands)
    return path.rstrip("/") in [wanted.lower().rstrip("/") for wanted in operands]


def matches_url(pattern: str, url: str) -> bool:
    """Whether a pattern for paths, or for hosts and paths, fits a URL."""
    parts = urlsplit(url.lower())
    path = parts.path if pattern.startswith(("/", "*")) else parts.netloc.removeprefix("www.") + parts.path
    path = path.rstrip("/")
    return matches_glob(pattern.rstrip("/"), path) or (pattern.endswith("/*") and matches_glob(pattern[:-2], path))


def matches_glob(pattern: str, text: str) -> bool:
    """Whether a pattern fits a whole text; * stands for anything."""
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.lower().split("*")), text, re.DOTALL) is not None
