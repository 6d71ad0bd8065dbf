"""Reference of the evaluation: docs/model.md in slow and simple Python, one contact at a time.

It shares only the types of the model file with the model room, so an error in one of the two shows as a difference. A condition operator is
implemented here in `evaluate_operator`. The random conditions in tests/model/strategies.py (next) use it, and docs/model.md describes it.
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
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from crawleruseragents import is_crawler

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
SUBSCRIPTIONS = {"subscribed_to", "unsubscribed_from"}
DAY = timedelta(days=1)
MAX_EVENTS = 10_000


@dataclass(kw_only=True)
class Verdict:
    """The expected verdict on one contact; points are exact."""

    score: int
    lines: dict[str, Fraction]
    band: str
    grade: str | None
    grade_known: int
    by_score: bool
    direct: bool
    disqualified: bool
    mql: bool
    mql_reason: str | None
    disqualified_by: str | None
    trend: str
    retained: bool
    counts: dict[str, int] = field(default_factory=dict)
    earned: Fraction = Fraction(0)
    decayed: Fraction = Fraction(0)


@dataclass(kw_only=True)
class Case:
    """One contact with its events, the model, the hidden kinds of event, and the time."""

    document: Document
    contact: Mapping[str, str | None]
    events: list[Event]
    now: datetime
    by_score_before: bool = False
    hidden: frozenset[str] = frozenset()


def evaluate(case: Case) -> Verdict:
    """Evaluate one contact."""
    known = [
        event
        for event in map(partial(name_campaign, document=case.document), deduplicate(case.events))
        if event["at"] <= case.now and event["kind"] not in case.hidden
    ]
    real = [event for event in known if not is_quarantined(event, known, case.document)]
    lines, counts, earned, decayed = score_lines(case, real, case.now)
    then = sum(score_lines(case, real, case.now - case.document.score.trend.over)[0].values())
    score = sum(lines.values())
    letter, rank, complete = grade(case)
    rules = case.document.qualification
    needed = exit_threshold(case.document) if case.by_score_before else Fraction(rules.threshold)
    by_score = score >= needed and passes_grade(case.document, rank, complete)
    direct = first_rule(case, rules.direct, real)
    disqualified_by = first_rule(case, rules.disqualifiers, real)
    mql = (by_score or direct is not None) and disqualified_by is None
    change, least = score - then, case.document.score.trend.at_least
    return Verdict(
        score=int(score),
        lines=lines,
        band=[band.name for band in case.document.score.bands if band is case.document.score.bands[0] or score >= band.from_][-1],
        grade=letter.rstrip("+-") if letter and case.document.grade.letters == "whole" else letter,
        grade_known=complete,
        by_score=by_score,
        direct=direct is not None,
        disqualified=disqualified_by is not None,
        mql=mql,
        mql_reason=(direct or "by_score") if mql else None,
        disqualified_by=disqualified_by,
        trend="rising" if change >= least else "falling" if change <= -least else "steady",
        retained=mql and direct is None and score < rules.threshold,
        counts=counts,
        earned=earned,
        decayed=decayed,
    )


# Signals


def deduplicate(events: Iterable[Event]) -> list[Event]:
    """Return each event once."""
    return list({(event["kind"], event["event_id"]): event for event in events}.values())


def name_campaign(event: Event, document: Document) -> Event:
    """Return an event with its campaign: of a page view without one, the campaign in its URL."""
    if event["kind"] != "page_view" or event["campaign"]:
        return event
    given = ((name.lower(), value) for name, value in parse_qsl(urlsplit(event["url"] or "").query))
    in_url = next((value for name, value in given if name in document.signals.campaign_touches.parameters), None)
    return {**event, "campaign": in_url}


def is_quarantined(event: Event, known: list[Event], document: Document) -> bool:
    """Return whether the bot filter quarantines an event."""
    rules = document.machine_clicks
    click = event["kind"] == "email_click"
    if rules.flagged_by_hubspot and event["filtered"]:
        return True
    if click and rules.after_send is not None and event["sent_at"] and event["at"] - event["sent_at"] <= rules.after_send:
        return True
    if (
        rules.user_agents
        and event["user_agent"]
        and (is_crawler(event["user_agent"]) or any(matches_glob(pattern, event["user_agent"].lower()) for pattern in rules.user_agents))
    ):
        return True
    return click and rules.links_within_a_second is not None and is_in_burst(event, known, rules.links_within_a_second)


def is_in_burst(event: Event, known: list[Event], links: int) -> bool:
    """Return whether a click is in a second with clicks on this many different links."""
    clicks = [other for other in known if other["kind"] == "email_click"]
    for start in clicks:
        second = [other for other in clicks if start["at"] <= other["at"] <= start["at"] + timedelta(seconds=1)]
        if event in second and len({other["url"] for other in second if other["url"] is not None}) >= links:
            return True
    return False


def is_kind(event: Event, kind: str, document: Document) -> bool:
    """Return whether an event is of a recorded or derived kind."""
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
    return bool(event["campaign"])


# The score


def score_lines(case: Case, real: list[Event], at: datetime) -> tuple[dict[str, Fraction], dict[str, int], Fraction, Fraction]:
    """Return the ledger, the number of counted events, the earned total, and what is left of it after decay."""
    document = case.document
    lines, counts, engaged, lost = {}, {}, [], Fraction(0)
    for key, criterion in document.score.criteria.items():
        if not criterion.enabled:
            continue
        points, count, newest, decayed_points = score_line(case, criterion, real, at)
        lines[key], counts[key] = points, count
        if is_positive(case.document, criterion) and criterion.event:
            lost += points - decayed_points
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
    """Return the points, the number of counted events, the times of engagement, and the points after decay per event."""
    document = case.document
    if criterion.when:
        points = points_for(document, criterion, int(evaluate_when(criterion.when, case) is True))
        return points, 0, [], points
    kinds = SOURCES.get(criterion.event or "", {criterion.event})
    if kinds <= case.hidden:
        return count_from_counter(case, criterion, at)
    matching = [event for event in real if is_kind(event, criterion.event or "", document) and event["at"] <= at]
    if criterion.where:
        matching = [event for event in matching if evaluate_condition(criterion.where, event, case) is True]
    matching = [event for event in matching if not is_excluded(event, criterion, case)]
    inside = [event["at"] for event in matching if criterion.within is None or event["at"] >= at - criterion.within]
    counted = limit_per_day(inside, criterion.per_day, document.time_zone)
    points = points_for(document, criterion, len(counted))
    return points, len(counted), [event["at"] for event in matching], decay_events(document, criterion, counted, at)


def is_excluded(event: Event, criterion: Criterion, case: Case) -> bool:
    """Return whether an event is a direct request that the criterion excludes, or a visit of HubSpot's subscription pages."""
    if is_positive(case.document, criterion) and re.match("https?://[^/]+/hs/(manage-preferences|unsubscribe)/", event["url"] or ""):
        return True
    rules = case.document.qualification.direct.values() if criterion.except_ else ()
    wheres = [rule.where for rule in rules if rule.enabled and rule.event == criterion.event and rule.where]
    return any(evaluate_condition(where, event, case) is True for where in wheres)


def count_from_counter(case: Case, criterion: Criterion, at: datetime) -> tuple[Fraction, int, list[datetime], Fraction]:
    """Count with HubSpot's counter if it is sufficient for the criterion."""
    once_only = criterion.points is not None or criterion.importance is not None or list(criterion.tiers or {}) == [1]
    rules = case.document.qualification.direct.values() if criterion.except_ else ()
    has_exception = any(rule.enabled and rule.event == criterion.event and rule.where for rule in rules)
    if criterion.event not in COUNTERS or criterion.where or has_exception or ((criterion.within or criterion.per_day) and not once_only):
        return Fraction(0), 0, [], Fraction(0)
    number, last = (parse_value(name, case.contact.get(name)) for name in COUNTERS[criterion.event])
    newest = min(last, at) if last and last <= case.now else None
    known = int(min(max(number or 0, 0), MAX_EVENTS))
    counted = known if criterion.within is None or (newest and newest >= at - criterion.within) else 0
    points = points_for(case.document, criterion, counted)
    left = points if newest is None else decay(points, newest, case.document.score.degradation, at)
    return points, counted, [newest] if known and newest else [], left


def limit_per_day(times: list[datetime], limit: int | None, zone: str) -> list[datetime]:
    """Keep the newest events of each day."""
    if limit is None:
        return times
    newest_first = sorted(times, reverse=True)
    days = itertools.groupby(newest_first, key=lambda at: at.astimezone(ZoneInfo(zone)).date())
    return [at for _, group in days for at in list(group)[:limit]]


def points_for(document: Document, criterion: Criterion, events: int) -> Fraction:
    """Return the points for this number of events."""
    if criterion.each is not None:
        total = Fraction(criterion.each) * min(events, MAX_EVENTS)
        cap = None if criterion.at_most is None else abs(Fraction(criterion.at_most))
        return total if cap is None else max(-cap, min(cap, total))
    return sum((points for at, points in tier_points(document, criterion).items() if events >= at), Fraction(0))


def tier_points(document: Document, criterion: Criterion) -> dict[int, Fraction]:
    """Return the points by number of events; points given once are a tier at the first event."""
    if criterion.tiers is not None:
        return {at: Fraction(points) for at, points in criterion.tiers.items()}
    if criterion.points is not None:
        return {1: Fraction(criterion.points)}
    name = criterion.importance or ""
    worth = Fraction(document.importance[name.lstrip("-")])
    return {1: -worth if name.startswith("-") else worth}


def is_positive(document: Document, criterion: Criterion) -> bool:
    """Return whether a criterion gives positive points."""
    return points_for(document, criterion, MAX_EVENTS) > 0


def inactivity_penalty(earned: Fraction, engaged: list[datetime], rules: Degradation, at: datetime) -> Fraction:
    """Return the loss by inactivity."""
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
    """Return the points of a criterion that are left if each event decays by its own age."""
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
    """Return the decayed points: half after each half-life, or linearly down to 0 at the expiry."""
    if rules.kind != "per_event":
        return points
    age = max(timedelta(0), at - event_time - (rules.grace or timedelta(0)))
    share = 0.5 ** (age / rules.half_life) if rules.half_life else max(0.0, 1 - age / (rules.expiry or DAY))
    return round_to_micro(float(points) * share)


def round_to_micro(number: float) -> Fraction:
    """Round to micro-points."""
    return Fraction(math.floor(number * 1_000_000 + 0.5), 1_000_000)


# Grade and qualification


def grade(case: Case) -> tuple[str | None, int, int]:
    """Return the letter, its rank from F, and how many criteria are known; no letter without criteria."""
    if not any(criterion.enabled for criterion in case.document.grade.criteria.values()):
        return None, 0, 0
    rank, known = LETTERS.index(case.document.grade.start), 0
    for criterion in case.document.grade.criteria.values():
        result = evaluate_when(criterion.when, case) if criterion.enabled else None
        known += result is not None
        rank += {True: criterion.thirds, False: criterion.otherwise, None: criterion.unknown}[result] if criterion.enabled else 0
    rank = max(0, min(len(LETTERS) - 1, rank))
    return LETTERS[rank], rank, known


def passes_grade(document: Document, rank: int, known: int) -> bool:
    """Return whether the grade is sufficient for an MQL by score."""
    rules = document.qualification
    if not any(criterion.enabled for criterion in document.grade.criteria.values()):
        return True
    lowest = 0 if rules.grade_at_least is None else LETTERS.index(rules.grade_at_least)
    shown = [letter.rstrip("+-") if document.grade.letters == "whole" else letter for letter in LETTERS]
    order = list(dict.fromkeys(shown))
    good = order.index(shown[rank]) >= order.index(shown[lowest])
    if rules.known_at_least is not None and known < rules.known_at_least:
        return rules.incomplete_grade == "pass"
    return good


def exit_threshold(document: Document) -> Fraction:
    """Return the score below which an MQL by score loses the status."""
    rules = document.qualification
    return Fraction(rules.threshold) * 5 / 6 if rules.leave_below is None else Fraction(rules.leave_below)


def first_rule(case: Case, rules: Mapping[str, Rule], real: list[Event]) -> str | None:
    """Return the key of the first rule in order of keys that holds."""
    return next((key for key, rule in sorted(rules.items()) if rule.enabled and applies(case, rule, real)), None)


def applies(case: Case, rule: Rule, real: list[Event]) -> bool:
    """Return whether a rule holds."""
    if rule.when:
        return evaluate_when(rule.when, case) is True
    since = case.now - rule.validity if rule.validity else datetime.min.replace(tzinfo=UTC)
    if SOURCES.get(rule.event or "", {rule.event}) <= case.hidden:
        if rule.event not in COUNTERS or rule.where:
            return False
        number, last = (parse_value(name, case.contact.get(name)) for name in COUNTERS[rule.event])
        return (number or 0) >= 1 and (rule.validity is None or bool(last and last <= case.now and last >= since))
    found = (event for event in real if is_kind(event, rule.event or "", case.document) and event["at"] >= since)
    return any(rule.where is None or evaluate_condition(rule.where, event, case) is True for event in found)


# Conditions: True, False, or None for unknown


def evaluate_when(condition: Condition, case: Case) -> bool | None:
    """Return the result of a condition on the contact; unknown if it names subscriptions that the portal hides."""
    hidden = "subscriptions" in case.hidden and any(name in SUBSCRIPTIONS for name, _, _ in condition.iter_tests())
    return None if hidden else evaluate_condition(condition, case.contact, case)


def evaluate_condition(condition: Condition, of: Mapping[str, Any], case: Case) -> bool | None:
    """Return the result of a condition."""
    results = [
        evaluate_operator(property_name, name, operand, of, case)
        for property_name, test in condition.tests.items()
        for name, operand in test.operators.items()
    ]
    if condition.all:
        results.append(all_of([evaluate_condition(part, of, case) for part in condition.all]))
    if condition.any:
        results.append(any_of([evaluate_condition(part, of, case) for part in condition.any]))
    if condition.first_known:
        results.append(next((found for part in condition.first_known if (found := evaluate_condition(part, of, case)) is not None), None))
    if condition.not_:
        inner = evaluate_condition(condition.not_, of, case)
        results.append(None if inner is None else not inner)
    return all_of(results)


def all_of(results: list[bool | None]) -> bool | None:
    """Return False if one result is false; else None if one is unknown."""
    return False if False in results else None if None in results else True


def any_of(results: list[bool | None]) -> bool | None:
    """Return True if one result is true; else None if one is unknown."""
    return True if True in results else None if None in results else False


def evaluate_operator(property_name: str, operator: str, operand: Any, of: Mapping[str, Any], case: Case) -> bool | None:
    """Return the result of one operator; a form is identified by its id or its name."""
    if operator in ("is_not", "not_in", "is_unknown"):
        opposite = evaluate_operator(property_name, {"is_not": "is", "not_in": "in", "is_unknown": "is_known"}[operator], operand, of, case)
        return None if opposite is None else not opposite
    if property_name in ("email", "hs_additional_emails"):
        return evaluate_addresses(property_name, operator, operand, of, case)
    names = ["form_id", "form_name"] if property_name == "form" else [property_name]
    values = [value for name in names if (value := parse_value(name, of.get(name))) is not None]
    if operator == "is_known":
        return bool(values)
    operands = operand if isinstance(operand, tuple) else (operand,)
    if operator == "seniority_in":
        return words.is_one_of_levels(of.get(property_name), operands, normalize_text)
    if operator in ("country_in", "seniority_at_least", "domain_in"):
        return any_of([match_words(operator, operands, of[name], case.document) for name in names if of.get(name) is not None] or [None])
    results = [compare_value(property_name, operator, operands, value, case.now) for value in values]
    return any_of(results) if results else None


def evaluate_addresses(property_name: str, operator: str, operand: Any, of: Mapping[str, Any], case: Case) -> bool | None:
    """Return the result of one operator on the addresses of a contact; `email` means all of them."""
    columns = ["email", "hs_additional_emails"] if property_name == "email" else [property_name]
    addresses = [address for name in columns for address in (of.get(name) or "").split(";")]
    operands = operand if isinstance(operand, tuple) else (operand,)
    if operator == "domain_in":
        # All addresses of a contact have to be at a mail provider: one at a company says more.
        providers = tuple(name for name in operands if name in ("free_mail", "disposable") and property_name == "email")
        others = tuple(name for name in operands if name not in providers)
        results = [any_of(known([words.is_listed(each, others, case.document) for each in addresses]) or [None])] if others else []
        return any_of([*results, all_of(known([words.is_listed(each, providers, case.document) for each in addresses]) or [None])])
    texts = [text for address in addresses if (text := normalize_text(address))]
    if operator == "is_known":
        return bool(texts)
    return any_of([compare_value(property_name, operator, operands, text, case.now) for text in texts] or [None])


def known(results: list[bool | None]) -> list[bool | None]:
    """Return the results that are not unknown."""
    return [result for result in results if result is not None]


def match_words(operator: str, operands: tuple[Any, ...], value: str, document: Document) -> bool | None:
    """Return the result of an operator on countries, job titles or domains."""
    if operator == "domain_in":
        return words.is_listed(value, operands, document)
    if operator == "country_in":
        code = words.country_code(value, normalize_text)
        return None if code is None else code in [words.country_code(wanted, normalize_text) for wanted in operands]
    rank = words.seniority_rank(value, normalize_text)
    return None if rank is None else rank >= words.LEVELS.index(operands[0])


def parse_value(name: str, raw: Any) -> Any:
    """Return a value in the type of its property; None if it cannot be parsed."""
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
    """Parse HubSpot's formats of a time."""
    if re.fullmatch(r"\d{11,14}", text):
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def normalize_text(text: str) -> str:
    """Return text without case, accents and extra spaces."""
    parts = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    return " ".join("".join(part for part in parts if not unicodedata.combining(part)).casefold().split())


def compare_value(property_name: str, operator: str, operands: tuple[Any, ...], value: Any, now: datetime) -> bool | None:
    """Return the result of one operator on a known value."""
    if property_name == "url":
        return compare_url(operator, operands, value)
    if isinstance(value, datetime):
        return compare_date(operator, operands, value, now)
    if isinstance(value, (bool, float)):
        return compare_number(operator, operands, value)
    if operator == "regex":
        return re.search(operands[0], value, re.IGNORECASE) is not None
    if property_name in SUBSCRIPTIONS:
        return any(normalize_text(str(wanted)) in value.strip(";").split(";") for wanted in operands)
    return any(compare_text(operator, normalize_text(str(wanted)), value) for wanted in operands)


def compare_text(operator: str, wanted: str, value: str) -> bool:
    """Return the result of one operator on a text."""
    if operator in ("is", "in"):
        return value == wanted
    if operator == "contains_any":
        phrase = "[ _-]+".join(map(re.escape, re.split("[ _-]+", wanted)))
        return re.search(rf"(?<![a-z0-9]){phrase}(?![a-z0-9])", value) is not None
    ends = {"starts_with": ("", "*"), "ends_with": ("*", ""), "matches": ("", "")}[operator]
    return matches_glob(wanted.join(ends), value)


def compare_number(operator: str, operands: tuple[Any, ...], value: float) -> bool:
    """Return the result of one operator on a number."""
    if operator in ("is", "in"):
        return value in operands
    if operator == "at_least":
        return bool(value >= operands[0])
    return bool(value <= operands[0]) if operator == "at_most" else bool(operands[0] <= value <= operands[1])


def compare_date(operator: str, operands: tuple[Any, ...], value: datetime, now: datetime) -> bool | None:
    """Return the result of one operator on a date; for `within` and `older_than`, a date in the future is unknown."""
    if operator in ("within", "older_than"):
        recent = now - value <= operands[0]
        return None if value > now else recent if operator == "within" else not recent
    bounds = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in operands]
    if operator == "at_least":
        return value >= bounds[0]
    return value < bounds[-1] + DAY and (operator == "at_most" or value >= bounds[0])


def compare_url(operator: str, operands: tuple[Any, ...], value: str) -> bool:
    """Return the result of one operator on a URL."""
    if operator == "matches":
        return any(matches_url(pattern, value) for pattern in operands)
    if operator == "regex":
        return re.search(operands[0], value, re.IGNORECASE) is not None
    path = urlsplit(value.lower()).path
    if operator == "starts_with":
        return any(path.startswith(start.lower()) for start in operands)
    return path.rstrip("/") in [wanted.lower().rstrip("/") for wanted in operands]


def matches_url(pattern: str, url: str) -> bool:
    """Return whether a pattern for a path, or for host and path, matches a URL."""
    parts = urlsplit(url.lower())
    path = parts.path if pattern.startswith(("/", "*")) else parts.netloc.removeprefix("www.") + parts.path
    path = path.rstrip("/")
    return matches_glob(pattern.rstrip("/"), path) or (pattern.endswith("/*") and matches_glob(pattern[:-2], path))


def matches_glob(pattern: str, text: str) -> bool:
    """Return whether a pattern matches a whole text; * matches any characters."""
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.lower().split("*")), text, re.DOTALL) is not None
