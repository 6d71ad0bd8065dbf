"""Models, contacts and events for tests, with overrides."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from sync_worker.model.compiled.facts import EVENT_SCHEMA, PREVIOUS_SCHEMA, Facts
from sync_worker.model.compiled.loader import loads
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import Verdicts, evaluate

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
TIERS = {1: 1, 3: 2, 5: 3, 8: 4, 10: 5}


def make_criteria_model(**criteria: Mapping[str, Any]) -> Model:
    """Return a model with these criteria of the score."""
    return make_model(score_section(criteria or {"clicks": {"event": "email_click", "tiers": TIERS}}))


def make_model(*parts: Mapping[str, Any]) -> Model:
    """Return a model with these top-level keys."""
    document: dict[str, Any] = {"name": "test", "qualification": {"threshold": 36}}
    for part in parts:
        document |= part
    return loads(json.dumps(document), "model.yaml")


def score_section(criteria: Mapping[str, Any], **rest: object) -> dict[str, Any]:
    """Return the key `score` of a model."""
    return {"score": {"criteria": dict(criteria), "bands": [{"name": "nurture", "from": 0}, {"name": "mql", "from": 36}], **rest}}


def make_event(
    kind: str = "email_click", *, days_ago: float = 1, contact_id: int = 1, id_: str | None = None, **fields: object
) -> dict[str, Any]:
    """Return an event this many days before NOW."""
    at = NOW - timedelta(days=days_ago)
    given = {"contact_id": contact_id, "kind": kind, "at": at, "filtered": False, "event_id": id_ or f"{kind}-{at.timestamp()}", **fields}
    return {name: given.get(name) for name in EVENT_SCHEMA}


def make_events(count: int, kind: str = "email_click", **fields: object) -> list[dict[str, Any]]:
    """Return events of one contact, one minute apart."""
    return [make_event(kind, id_=f"{kind}-{number}", days_ago=1 + number / 1440, **fields) for number in range(count)]  # type: ignore[arg-type]


def event_frame(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Return events as a frame."""
    return pl.DataFrame(list(rows), schema=dict(EVENT_SCHEMA))


def contact_frame(*rows: Mapping[str, str | None]) -> pl.DataFrame:
    """Return contacts as a frame, with ids from 1."""
    names = sorted({name for row in rows for name in row})
    columns = {name: pl.Series([row.get(name) for row in rows], dtype=pl.String) for name in names}
    return pl.DataFrame({"contact_id": pl.Series(range(1, len(rows) + 1), dtype=pl.Int64), **columns})


def make_facts(
    contacts: Sequence[Mapping[str, str | None]] = ({},),
    events: Iterable[Mapping[str, Any]] = (),
    *,
    were_by_score: Iterable[int] = (),
    hidden: Iterable[str] = (),
) -> Facts:
    """Return the facts of contacts."""
    previous = pl.DataFrame([(id_, True) for id_ in were_by_score], schema=dict(PREVIOUS_SCHEMA), orient="row")
    return Facts(contacts=contact_frame(*contacts), events=event_frame(events), previous=previous, hidden_kinds=frozenset(hidden))


def evaluate_facts(model: Model, facts: Facts, now: datetime = NOW) -> Verdicts:
    """Return the verdicts on all contacts."""
    return evaluate(facts, model, now)


def evaluate_contact(
    model: Model, properties: Mapping[str, str | None] | None = None, *events: Mapping[str, Any], **rest: Any
) -> dict[str, Any]:
    """Return the verdict on one contact."""
    now = rest.pop("now", NOW)
    return evaluate_facts(model, make_facts([properties or {}], events, **rest), now).table.row(0, named=True)
