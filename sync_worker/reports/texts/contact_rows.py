"""What terminal and console show of a contact: the rows of its ledger and of its grade, and the lines next to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from sync_worker.model.i18n.phrases import format_minus
from sync_worker.reports.explain_contact import ContactExplanation
from sync_worker.reports.texts.ledger import add_cause, format_clamp, format_next_changes, format_points, format_remarks, localize

MATCHES: Final[Mapping[bool | None, str]] = {True: "✓ match", False: "✗ no match", None: "? unknown"}
RULE_KINDS: Final = {"direct": "direct rule", "disqualifier": "disqualifier"}


class LedgerRow(NamedTuple):
    """A line of the ledger."""

    points: str
    line: str
    events: str
    newest: str
    remarks: str


class GradeRow(NamedTuple):
    """A criterion of the grade."""

    thirds: str
    match: str
    criterion: str


def list_ledger_rows(explanation: ContactExplanation) -> Iterator[LedgerRow]:
    """Yield the lines of the score; the last row is the score."""
    for line in explanation.evaluation.score:
        yield LedgerRow(
            points=format_points(float(line.points)),
            line=line.label,
            events="" if line.events is None else f"{line.events:,}",
            newest=f"{localize(line.newest, explanation):%Y-%m-%d %Z}" if line.newest else "",
            remarks=format_remarks(line),
        )
    remark = "the lines add up to it" if explanation.adds_up else "THE LINES DO NOT ADD UP"
    yield LedgerRow(points=format_minus(explanation.verdict.score), line="score", events="", newest="", remarks=remark)


def list_grade_rows(explanation: ContactExplanation) -> Iterator[GradeRow]:
    """Yield the criteria of the grade, between its start and its result; nothing without criteria."""
    evaluation = explanation.evaluation
    if not evaluation.grade:
        return
    yield GradeRow(thirds=evaluation.grade_start, match="", criterion="start of every contact")
    for line in evaluation.grade:
        thirds = format_minus(f"{line.thirds:+d}") if line.thirds else ""
        yield GradeRow(thirds=thirds, match=MATCHES[line.match], criterion=add_cause(line.label, line.because))
    result = format_minus(explanation.verdict.grade or "")
    yield GradeRow(thirds=result, match="", criterion=f"grade, from F to A+ in thirds{format_clamp(explanation)}")


def list_reasons(explanation: ContactExplanation) -> list[str]:
    """Return the reasons that sales reps see, what changes next, and when and why the contact became an MQL."""
    verdict = explanation.verdict
    reasons = [*verdict.score_reasons, *verdict.grade_reasons[:1], *format_next_changes(explanation)]
    if explanation.mql_since:
        since = localize(explanation.mql_since, explanation)
        reasons.append(f"became an MQL on {since:%-d %B %Y}: {' · '.join(explanation.mql_reasons)}")
    return reasons


def list_rules(explanation: ContactExplanation) -> list[str]:
    """Return the rules that hold, with what was read."""
    return [f"{RULE_KINDS[rule.kind]}: {add_cause(rule.label, rule.because)}" for rule in explanation.evaluation.rules if rule.holds]


def format_decay(explanation: ContactExplanation) -> str:
    """Return what decay has cost; empty without decay or without an engagement."""
    decay = explanation.evaluation.decay
    if decay is None or decay.last_engagement is None:
        return ""
    since = f"last engagement {localize(decay.last_engagement, explanation):%Y-%m-%d %Z}"
    if decay.grace_ends:
        periods = f"{decay.full_periods:,} full period{'' if decay.full_periods == 1 else 's'}"
        since += f", grace until {localize(decay.grace_ends, explanation):%Y-%m-%d %Z}, then {periods}"
    return f"decay: {since}: {decay.earned:g} − {decay.loss:g} = {decay.decayed:g}"


def list_notes(explanation: ContactExplanation) -> Iterator[str]:
    """Yield what was not known or not readable, and which contacts share the email."""
    if explanation.unread_properties:
        yield f"not read from HubSpot yet, so unknown here: {', '.join(explanation.unread_properties)}"
    if explanation.frozen:
        yield f"without a history, so with the value of now: {', '.join(explanation.frozen)}"
    yield from explanation.gaps
    for each in explanation.verdict.unreadable:
        yield f"counts as unknown: {each.property} is {each.value!r}, which is not {each.expected}"
    if explanation.sharing_contacts:
        others = ", ".join(map(str, explanation.sharing_contacts))
        yield f"has the same email as {others}: clicks and forms of that email count for each of these contacts"
