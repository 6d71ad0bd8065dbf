"""MQLs by name, as reports and `--json` show them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync_worker.sync.plan.contact_names import NO_NAME, ContactName
from sync_worker.sync.plan.named_mqls import NamedMql, hide_names

NAME = ContactName(email="anna@example.com", firstname="Anna", lastname="Lee")
ANNA = NamedMql(contact_id=7, name=NAME, score=41, grade="B", reason="by_score", score_reasons=("3 clicks: +10",))


@pytest.mark.parametrize(("grade", "shown"), [("B", "B"), ("", None)])
def test_an_mql_is_shown_with_its_reasons(grade: str, shown: str | None) -> None:
    assert replace(ANNA, grade=grade).as_json() == {
        "id": "7",
        "email": "anna@example.com",
        "firstname": "Anna",
        "lastname": "Lee",
        "company": None,
        "score": 41,
        "grade": shown,
        "reason": "by_score",
        "reasons": ["3 clicks: +10"],
    }


def test_without_names_the_ids_stay() -> None:
    assert [(mql.contact_id, mql.name) for mql in hide_names([ANNA])] == [(7, NO_NAME)]
