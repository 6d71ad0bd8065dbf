"""Subjects of events: the email, page or form of an event, so that reasons count the different ones: "13 clicks in 6 marketing emails"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import polars as pl

from sync_worker.model.compiled.model import Model
from sync_worker.model.lookup.unique import UniqueValues

#: The column with a number for each email, page or form.
SUBJECT: Final = "subject"


def find_subject_columns(kind: str, model: Model) -> tuple[str, ...]:
    """Return the columns of events that `add_subjects` needs; none if no reason of the model counts the subjects of this kind."""
    is_counted = any(line.event == kind and line.label is None for line in model.score_criteria)
    return _COLUMNS.get(kind, ()) if is_counted else ()


def add_subjects(events: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Add the column `SUBJECT` to events of one kind."""
    return events.with_columns(_SUBJECTS[kind](events).alias(SUBJECT))


def _identify_emails(events: pl.DataFrame) -> pl.Series:
    """Identify emails as HubSpot's counters do: by the campaign id. Events without one are identified by the time of the send."""
    campaign, sent = pl.col("campaign"), pl.col("sent_at")
    if not events["campaign"].has_nulls():
        return events["campaign"].hash()
    known = pl.when(campaign.is_not_null()).then(campaign.hash()).when(sent.is_not_null()).then(sent.hash())
    return events.select(known.otherwise(pl.col("event_id").hash())).to_series()


def _identify_pages(events: pl.DataFrame) -> pl.Series:
    """Identify pages by the URL without query and fragment."""
    urls = UniqueValues.from_series(events["url"])
    pages = urls.values.str.splitn("?", 2).struct.field("field_0").str.splitn("#", 2).struct.field("field_0")
    return urls.expand(pages.str.strip_chars_end("/").hash())


def _identify_forms(events: pl.DataFrame) -> pl.Series:
    return events["form_id"].hash()


_SUBJECTS: Final[Mapping[str, Callable[[pl.DataFrame], pl.Series]]] = {
    "email_click": _identify_emails,
    "email_open": _identify_emails,
    "page_view": _identify_pages,
    "form_submission": _identify_forms,
}
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "email_click": ("campaign", "sent_at", "event_id"),
    "email_open": ("campaign", "sent_at", "event_id"),
    "page_view": ("url",),
    "form_submission": ("form_id",),
}
