"""Values that cannot be parsed count as unknown and cause a warning."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from sync_worker.model.scoring.columns import UNREADABLE_SCHEMA
from sync_worker.sync.evaluate.parse_warnings import ParseWarnings, UnreadableProperty
from tests.harness import make_contact, small_portal, start_harness


def test_values_that_cannot_be_parsed_are_listed_and_count_as_unknown(tmp_path: Path) -> None:
    data = small_portal(
        contacts=[make_contact(1, associatedcompanyid="7", createdate="soon"), make_contact(2, associatedcompanyid="7")],
        companies=[{"id": "7", "properties": {"numberofemployees": "many"}, "updatedAt": "2026-02-03T04:05:06Z"}],
    )
    with start_harness(tmp_path, data) as harness:
        report = harness.backfill()
        warning = {"property": "company.numberofemployees", "expected": "a number", "contacts": 2, "ids": ["1", "2"]}
        assert report.as_json()["unreadable"] == [warning]
        assert "many" not in str(report.as_json())
        with harness.worker() as worker:
            explanation = worker.explain("1").as_json()
    assert explanation["unreadable"] == ({"property": "company.numberofemployees", "value": "many", "expected": "a number"},)
    assert {line["criterion"]: line["match"] for line in explanation["grade_criteria"]}["size"] is None


def test_a_few_contacts_of_each_property_are_named_and_all_are_counted() -> None:
    warnings = ParseWarnings()
    for first in (1, 11):
        rows = [(number, "plan", "x", "an option of this property") for number in range(first, first + 2)]
        warnings.add(pl.DataFrame(rows, schema=dict(UNREADABLE_SCHEMA), orient="row"))
    assert warnings.summarize() == (UnreadableProperty(property="plan", expected="an option of this property", contacts=4, ids=(1, 2, 11)),)


def test_without_parse_errors_there_is_no_warning() -> None:
    found = ParseWarnings()
    found.add(pl.DataFrame(schema=dict(UNREADABLE_SCHEMA)))
    assert found.summarize() == ()
