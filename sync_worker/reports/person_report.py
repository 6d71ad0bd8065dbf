"""What is known about one person, how it was evaluated, and what would change the result: a help with requests for access to data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl
from sqlalchemy import Connection

from sync_worker.errors import ConfigurationError, ExitCode
from sync_worker.insight.portal_history import COMPANY_ID, CONTACT, PortalHistory
from sync_worker.insight.state_history import load_state_history
from sync_worker.model.compiled.model import Model
from sync_worker.model.file.schema import Language
from sync_worker.model.file.units import to_json_number
from sync_worker.model.i18n.person_texts import PersonTexts
from sync_worker.model.i18n.phrases import format_minus
from sync_worker.model.i18n.translations import LANGUAGES, load_translation
from sync_worker.reports.explain_contact import ContactExplanation, explain
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts, emails, feedback
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.sync.portal.portal import PortalInfo

_SEPARATOR = "; "


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonReport:
    """The page for a person.

    Data as (name, value), earlier values as (date, name, value), activities as (date, event, details), the ledger as (rule, points).
    """

    language: Language
    texts: PersonTexts
    at: str
    data: tuple[tuple[str, str], ...]
    history: tuple[tuple[str, str, str], ...]
    activities: tuple[tuple[str, str, str], ...]
    ledger: tuple[tuple[str, int | float], ...]
    score: str
    grade: str | None
    result: str
    reasons: tuple[str, ...]
    changes: tuple[str, ...]

    @property
    def exit_code(self) -> ExitCode:
        """Return DONE."""
        return ExitCode.DONE

    def as_json(self) -> dict[str, object]:
        """Return the page for `--json`."""
        return {
            "language": self.language,
            "title": self.texts.title,
            "at": self.at,
            "data": dict(self.data),
            "earlier_values": [dict(zip(("date", "property", "value"), row, strict=True)) for row in self.history],
            "activities": [dict(zip(("date", "event", "details"), row, strict=True)) for row in self.activities],
            "ledger": [{"rule": rule, "points": points} for rule, points in self.ledger],
            "score": self.score,
            "grade": self.grade,
            "result": self.result,
            "reasons": list(self.reasons),
            "changes": list(self.changes),
        }


def build_person_report(
    store: Store, crm_schema: CrmSchema, portal: PortalInfo | None, email_or_id: str, *, now: datetime, language: str | None
) -> PersonReport:
    """Return the page for a person in a language; default: that of the model. It has the ledger of the last verdict.

    Raises ConfigurationError if the state does not contain the contact, or for an unknown language.
    """
    model = crm_schema.model
    chosen = next((each for each in LANGUAGES if each == (language or model.document.language)), None)
    if chosen is None:
        raise ConfigurationError(f"--language: {language!r} is not a language of the texts.", hint=f"Use one of {', '.join(LANGUAGES)}.")
    explanation = explain(store, crm_schema, portal, email_or_id, now=now, language=chosen)
    hidden = portal.select_hidden_kinds(model.source_kinds) if portal else frozenset()
    texts, verdict = load_translation(chosen).person, explanation.verdict
    translated = replace(crm_schema, model=model.translate(chosen), feedback=True)
    with store.transaction() as tx:
        history = load_state_history(tx, [model], hidden, now, only_ids=[int(verdict.id)])
        data = (*_read_data(history, explanation, texts), *_read_records(tx, explanation, translated, texts))
    mql = texts.sales if verdict.mql else texts.no_sales.format(reasons=_SEPARATOR.join(explanation.mql_blockers) or "–")
    return PersonReport(
        language=chosen,
        texts=texts,
        at=_format_time(explanation.at, explanation),
        data=data,
        history=tuple(_read_history(history, explanation, texts)),
        activities=tuple(_read_activities(history, explanation, texts)),
        ledger=tuple((texts.lines.get(line.line, line.label), line.points) for line in verdict.ledger),
        score=texts.score.format(score=format_minus(verdict.score), maximum=to_json_number(int(explanation.maximum * 1_000_000))),
        grade=None if verdict.grade is None else texts.grade.format(grade=format_minus(verdict.grade)),
        result=mql,
        reasons=(*verdict.score_reasons, *verdict.grade_reasons),
        changes=tuple(_find_changes(explanation, model, texts)),
    )


def _read_data(history: PortalHistory, explanation: ContactExplanation, texts: PersonTexts) -> Iterator[tuple[str, str]]:
    """Yield the properties, lifecycle stages, lists and deals."""
    for row in history.build_facts().contacts.iter_rows(named=True):
        yield texts.record, str(row.pop("contact_id"))
        yield from ((name, str(value)) for name, value in row.items() if value not in (None, ""))
    for created in history.contacts["created_at"].drop_nulls():
        yield texts.created, _format_time(created, explanation)
    if explanation.stage and "lifecyclestage" not in history.contacts.columns:
        yield "lifecyclestage", explanation.stage
    for stage in history.stages.filter(contact_id=int(explanation.verdict.id)).sort("at").iter_rows(named=True):
        yield texts.stage.format(stage=stage["stage"]), _format_time(stage["at"], explanation)
    if explanation.lists:
        yield texts.lists, _SEPARATOR.join(explanation.lists)
    for deal in history.deals.filter(contact_id=int(explanation.verdict.id)).sort("deal_id").iter_rows(named=True):
        times = (texts.opened, deal["created_at"]), (texts.won if deal["is_won"] else texts.closed, deal["closed_at"])
        yield texts.deal.format(id=deal["deal_id"]), ", ".join(text.format(date=_format_time(at, explanation)) for text, at in times if at)


def _read_records(tx: Connection, explanation: ContactExplanation, crm_schema: CrmSchema, texts: PersonTexts) -> Iterator[tuple[str, str]]:
    """Yield the other email addresses, since when the contact is an MQL and why, and what sales reps say about the contact."""
    contact_id, answers = int(explanation.verdict.id), crm_schema.labels.feedback
    labels = {definition.name.removeprefix(f"{crm_schema.prefix}_"): definition.label for definition in crm_schema.portal_properties}
    primary, additional = contacts.load_emails(tx, [contact_id]).get(contact_id), emails.load_additional_emails(tx, [contact_id])
    others = additional.get(contact_id, set())
    former = emails.load_emails(tx, [contact_id]) - others - {primary or ""}
    answer = feedback.load(tx, contact_id)
    rows = (
        (texts.other_emails, _SEPARATOR.join(sorted(others))),
        (texts.former_emails, _SEPARATOR.join(sorted(former))),
        (labels["mql_since"], _format_time(explanation.mql_since, explanation) if explanation.mql_since else ""),
        (labels["mql_reasons"], _SEPARATOR.join(explanation.mql_reasons)),
        (labels["feedback"], answers.get(answer.value, answer.value) if answer else ""),
        (labels["feedback_note"], answer.note if answer else ""),
    )
    yield from ((label, value) for label, value in rows if value)


def _read_history(history: PortalHistory, explanation: ContactExplanation, texts: PersonTexts) -> Iterator[tuple[str, str, str]]:
    """Yield the values of each property of the contact and of its company, each from its time on."""
    companies = history.contacts[COMPANY_ID].drop_nulls().to_list()
    own = (pl.col("object_type") == CONTACT) | pl.col("id").cast(pl.String).is_in(companies)
    for row in history.values.filter(own).sort("name", "at").iter_rows(named=True):
        name = row["name"] if row["object_type"] == CONTACT else f"company.{row['name']}"
        yield _format_time(row["at"], explanation), name, row["value"] or texts.no_value


def _read_activities(history: PortalHistory, explanation: ContactExplanation, texts: PersonTexts) -> Iterator[tuple[str, str, str]]:
    for row in history.events.sort("at", "event_id").iter_rows(named=True):
        details = (row["form_name"] or row["form_id"], row["name"], row["url"], row["campaign"])
        kind = texts.events.get(row["kind"]) or f"{texts.events['other']} ({row['kind']})"
        yield _format_time(row["at"], explanation), kind, " · ".join(str(each) for each in details if each)


def _find_changes(explanation: ContactExplanation, model: Model, texts: PersonTexts) -> Iterator[str]:
    following = explanation.evaluation.next_change
    yield (
        texts.steady
        if following is None
        else texts.by_time.format(date=following.at.astimezone(ZoneInfo(explanation.time_zone)).date(), score=following.score)
    )
    ledger, positive = explanation.verdict.ledger, {line.key for line in model.score_criteria if line.is_positive}
    lines = [line for line in ledger if line.visible and line.line not in texts.lines]
    groups = (
        (texts.more_points, [line.label for line in lines if not line.points and line.line in positive]),
        (texts.fewer_points, [line.label for line in lines if line.points < 0]),
        (texts.better_grade, [line.label for line in explanation.evaluation.grade if not line.match]),
    )
    yield from (text.format(rules=_SEPARATOR.join(labels)) for text, labels in groups if labels)


def _format_time(at: datetime, explanation: ContactExplanation) -> str:
    return f"{at.astimezone(ZoneInfo(explanation.time_zone)):%Y-%m-%d %H:%M}"
