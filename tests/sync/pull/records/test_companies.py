"""Reads of companies: one page if it holds all of them, partitions otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness import make_contact, small_portal, start_harness

COMPANIES = "crm/objects/2026-09/companies"


@pytest.mark.parametrize(("companies", "searches"), [(0, 1), (2, 1), (100, 1), (101, 3), (950, 3)])
def test_companies_are_counted_once_and_their_ids_only_if_there_are_pages(tmp_path: Path, companies: int, searches: int) -> None:
    rows = [
        {"id": str(7 * number), "properties": {"numberofemployees": "500"}, "updatedAt": "2026-02-03T04:05:06Z"}
        for number in range(1, companies + 1)
    ]
    contact = make_contact(1, associatedcompanyid=str(7 * companies), lifecyclestage="lead")
    with start_harness(tmp_path, small_portal(contacts=[contact], companies=rows)) as harness:
        report = harness.backfill()
        assert report.pulled["companies"] == companies
        assert report.requests.get(f"POST /{COMPANIES}/search", 0) == searches
        assert companies // 100 <= report.requests[f"GET /{COMPANIES}"] <= companies // 100 + 5


def test_a_deleted_company_no_longer_speaks_for_its_contacts_after_a_full_read(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        harness.backfill()
        assert harness.value(1, "lead_grade") == "C"
        companies = harness.portal.companies
        row = companies.records.find_live_row(7)
        assert row is not None
        companies.writer.archive(row)
        harness.advance()
        harness.sync()
        assert harness.value(1, "lead_grade") == "C"  # search does not show deletions
        harness.backfill()
        assert harness.value(1, "lead_grade") == "D"


def test_a_company_that_cannot_be_read_stays_as_it_is(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        harness.backfill()
        assert harness.value(1, "lead_grade") == "C"
        harness.advance()
        harness.inject_fault(f"*/{COMPANIES}*", "edit", path="results[0].updatedAt", value="soon")
        harness.backfill()
        assert harness.value(1, "lead_grade") == "C"
