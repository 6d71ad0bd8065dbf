"""How companies are read: with the page that holds them all, or in ranges."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness import a_contact, a_world, small_portal

COMPANIES = "crm/objects/2026-09/companies"


@pytest.mark.parametrize(("companies", "looks"), [(0, 0), (2, 0), (100, 0), (101, 2), (950, 2)])
def test_nobody_is_asked_how_many_companies_there_are_where_one_page_holds_them(tmp_path: Path, companies: int, looks: int) -> None:
    rows = [
        {"id": str(7 * number), "properties": {"numberofemployees": "500"}, "updatedAt": "2026-02-03T04:05:06Z"}
        for number in range(1, companies + 1)
    ]
    last = a_contact(1, associatedcompanyid=str(7 * companies), lifecyclestage="lead")
    with a_world(tmp_path, small_portal(contacts=[last], companies=rows)) as world:
        report = world.backfill()
        assert report.pulled["companies"] == companies
        assert report.requests.get(f"POST /{COMPANIES}/search", 0) == looks
        assert companies // 100 <= report.requests[f"GET /{COMPANIES}"] <= companies // 100 + 5
