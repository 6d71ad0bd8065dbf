"""Polars says what the rule book says."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sync_worker.model.compiled.model import Model
from sync_worker.model.file.units import MICROS_PER_POINT
from tests.model import reference
from tests.model.factories import evaluate_facts, make_facts
from tests.model.strategies import contact_lists, event_lists, hidden_kinds, instants, models

COMPARED_COLUMNS = (
    "score",
    "band",
    "grade",
    "grade_known",
    "by_score",
    "direct",
    "disqualified",
    "mql",
    "mql_reason",
    "disqualified_by",
    "trend",
)


@given(model=models(), persons=contact_lists(), events=event_lists(), now=instants(), seen_before=st.tuples(hidden_kinds(), st.booleans()))
def test_the_reference_and_polars_agree_on_every_verdict_and_every_line(
    model: Model,
    persons: list[dict[str, str | None]],
    events: list[dict[str, Any]],
    now: datetime,
    seen_before: tuple[frozenset[str], bool],
) -> None:
    blind, was = seen_before
    verdicts = evaluate_facts(model, make_facts(persons, events, were_by_score=[1] if was else [], hidden=blind), now)
    for number, person in enumerate(persons, start=1):
        own = [event for event in events if event["contact_id"] == number]
        before = was and number == 1
        case = reference.Case(document=model.document, contact=person, events=own, now=now, by_score_before=before, hidden=blind)
        expected = reference.evaluate(case)
        row = verdicts.table.row(number - 1, named=True)
        assert {name: row[name] for name in COMPARED_COLUMNS} == {name: getattr(expected, name) for name in COMPARED_COLUMNS}
        ledger = verdicts.ledger.filter(contact_id=number)
        assert {line: Fraction(points, MICROS_PER_POINT) for line, points in ledger.select("line", "points").iter_rows()} == expected.lines
