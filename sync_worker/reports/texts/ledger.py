"""What the ledger of a contact says in words: remarks, causes, the way to MQL, the next changes."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sync_worker.model.explain import CountedEvent, ScoreLine
from sync_worker.model.file.schema import GRADE_LETTERS
from sync_worker.model.i18n.phrases import format_minus
from sync_worker.model.reasons.blockers import SEPARATOR
from sync_worker.reports.explain_contact import ContactExplanation


def format_mql(explanation: ContactExplanation) -> str:
    """Return whether the contact is an MQL, and why."""
    verdict = explanation.verdict
    if not verdict.mql:
        return f"not an MQL: {SEPARATOR.join(explanation.mql_blockers)}"
    if verdict.retained:
        return "MQL by score, below the threshold: until the score falls below `leave_below`"
    if verdict.reason is None or verdict.reason == "by_score":
        return "MQL by score"
    labels = {rule.rule: rule.label for rule in explanation.evaluation.rules}
    return f"MQL: {labels.get(verdict.reason, verdict.reason)}"


def format_next_changes(explanation: ContactExplanation) -> list[str]:
    """Return the next changes of the score and of the band if no new event occurs."""
    changes = dict.fromkeys((explanation.evaluation.next_change, explanation.evaluation.next_band_change))
    return [
        f"without new events: score {format_minus(change.score)}, band {change.band}, {'MQL' if change.mql else 'not an MQL'}"
        f" from {localize(change.at, explanation):%-d %B %Y %Z}"
        for change in changes
        if change is not None
    ]


def add_cause(label: str, because: str | None) -> str:
    """Return a label with what was read, such as `Job title (director: 'head')`."""
    return f"{label} ({because})" if because else label


def format_subject(event: CountedEvent) -> str:
    """Return what an event was about: the form, the page or the email."""
    return event.form or event.url or event.name or event.campaign or ""


def format_exclusion(event: CountedEvent) -> str:
    """Return why an event does not count."""
    if event.quarantine:
        return event.quarantine
    return "above the daily limit" if event.above_daily_limit else "outside the window"


def localize(at: datetime, explanation: ContactExplanation) -> datetime:
    """Return a time in the time zone of the model, in which reasons have their dates."""
    return at.astimezone(ZoneInfo(explanation.time_zone))


def format_time(at: datetime, explanation: ContactExplanation) -> str:
    """Return a time in the time zone of the model."""
    return f"{localize(at, explanation):%Y-%m-%d %H:%M %Z}"


def format_points(points: float) -> str:
    """Return points with their sign."""
    return format_minus(f"{points:+g}") if points else "0"


def format_remarks(line: ScoreLine) -> str:
    """Return what reduced the points of a line."""
    cut = [f"{float(line.cut):g} cut by the cap"] if line.cut else []
    bots = [f"{line.quarantined:,} by bots, not counted"] if line.quarantined else []
    hidden = [] if line.visible else ["not visible on this portal"]
    return ", ".join([*cut, *bots, *hidden])


def format_clamp(explanation: ContactExplanation) -> str:
    """Return a remark if the grade would be beyond an end of the scale."""
    rank = GRADE_LETTERS.index(explanation.start_letter) + sum(line.thirds for line in explanation.evaluation.grade)
    return "" if 0 <= rank < len(GRADE_LETTERS) else "; the scale ends here"
