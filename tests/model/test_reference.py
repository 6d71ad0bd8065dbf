"""The evaluation agrees with the reference."""

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
    "retained",
)


@given(
    model=models(),
    contacts=contact_lists(),
    events=event_lists(),
    now=instants(),
    hidden_and_previous=st.tuples(hidden_kinds(), st.booleans()),
)
def test_the_evaluation_and_the_reference_agree_on_every_verdict_and_every_line(
    model: Model,
    contacts: list[dict[str, str | None]],
    events: list[dict[str, Any]],
    now: datetime,
    hidden_and_previous: tuple[frozenset[str], bool],
) -> None:
    hidden, was_by_score = hidden_and_previous
    verdicts = evaluate_facts(model, make_facts(contacts, events, were_by_score=[1] if was_by_score else [], hidden=hidden), now)
    for number, contact in enumerate(contacts, start=1):
        own = [event for event in events if event["contact_id"] == number]
        before = was_by_score and number == 1
        case = reference.Case(document=model.document, contact=contact, events=own, now=now, by_score_before=before, hidden=hidden)
        expected = reference.evaluate(case)
        row = verdicts.table.row(number - 1, named=True)
        assert {name: row[name] for name in COMPARED_COLUMNS} == {name: getattr(expected, name) for name in COMPARED_COLUMNS}
        ledger = verdicts.ledger.filter(contact_id=number)
        assert {line: Fraction(points, MICROS_PER_POINT) for line, points in ledger.select("line", "points").iter_rows()} == expected.lines
