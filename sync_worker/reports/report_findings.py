"""What a reader of the report should look at first, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sync_worker.reports.report_details import ReportDetails
from sync_worker.reports.score_report import ScoreReport

MIN_FILL_RATE: Final = 0.2
MIN_OVERLAP: Final = 0.9  # of both criteria of a pair
MIN_OVERLAP_CONTACTS: Final = 20  # a pair of rare criteria says nothing
MAX_FIRED_SHARE: Final = 0.95
MAX_QUARANTINED_SHARE: Final = 0.2
MAX_UNREADABLE_SHARE: Final = 0.01
_MAX_NAMES: Final = 8


def find_problems(report: ScoreReport) -> Iterator[str]:
    """Yield the findings, the gravest first."""
    if report.reachable < report.threshold:
        yield f"No contact can reach the threshold of {report.threshold:g} on this portal: {report.reachable:g} points are possible."
    elif (report.distribution.maximum or 0) < report.threshold:
        yield f"No contact reaches the threshold of {report.threshold:g}: the highest score is {report.distribution.maximum}."
    if report.details:
        yield from _find_criterion_problems(report.details)
        yield from _find_data_problems(report.details)


def _find_criterion_problems(details: ReportDetails) -> Iterator[str]:
    whole = details.evaluated
    if never := [each.label for each in details.criteria if each.visible and not each.contacts]:
        yield f"These criteria of the score fire for no contact: {_join(never)}."
    if never := [rule.label for rule in details.rules if rule.visible and not rule.contacts]:
        yield f"These rules hold for no contact: {_join(never)}."
    if always := [each.label for each in details.criteria if each.contacts > MAX_FIRED_SHARE * whole]:
        yield f"These criteria fire for nearly every contact and separate little: {_join(always)}."
    criteria = {each.key: each for each in details.criteria}
    for overlap in details.overlaps:
        one, other = (criteria[key] for key in overlap.keys)
        larger = max(one.contacts, other.contacts)
        if larger >= MIN_OVERLAP_CONTACTS and overlap.contacts >= MIN_OVERLAP * larger and (one.points > 0) == (other.points > 0):
            share = f"{100 * overlap.contacts / larger:.0f} %"
            yield f"“{one.label}” and “{other.label}” fire together for {share} of their contacts: they may count the same interest twice."
    if unknown := [each.label for each in details.grade_criteria if each.visible and each.unknown > (1 - MIN_FILL_RATE) * whole]:
        yield f"These criteria of the grade are unknown for most contacts: {_join(unknown)}."


def _find_data_problems(details: ReportDetails) -> Iterator[str]:
    whole = details.evaluated
    if unreadable := [field.name for field in details.fields if field.unreadable_contacts > MAX_UNREADABLE_SHARE * whole]:
        yield f"More than 1 % of the contacts have a value that cannot be read in {_join(unreadable)}."
    for kind in details.events:
        if kind.events and kind.quarantined > MAX_QUARANTINED_SHARE * kind.events:
            yield f"Bots made {100 * kind.quarantined / kind.events:.0f} % of the events of the kind {kind.kind.replace('_', ' ')}."
    if details.not_visible:
        yield f"Criteria or rules whose data the portal does not show: {len(details.not_visible)}."
    if details.unreadable_items:
        yield f"Forms, webinars or lists that could not be read: {len(details.unreadable_items)}."


def _join(names: list[str]) -> str:
    rest = len(names) - _MAX_NAMES
    return f"{', '.join(names[:_MAX_NAMES])} and {rest} more" if rest > 0 else ", ".join(names)
