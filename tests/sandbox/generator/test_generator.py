from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, pairwise
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_worker.sandbox import counters, folder
from sync_worker.sandbox.base.portal_data import PortalData, Row
from sync_worker.sandbox.generator import generate

NOW = datetime(2026, 11, 1, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
KINDS = (
    "contacts",
    "companies",
    "email_events",
    "events",
    "forms",
    "submissions",
    "marketing_events",
    "participations",
    "deals",
    "subscriptions",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedPortal:
    """A generated portal with its rows in memory."""

    data: PortalData
    rows: dict[str, list[Row]]

    def properties(self) -> list[dict[str, str]]:
        return [row["properties"] for row in self.rows["contacts"]]


@cache
def generate_portal() -> GeneratedPortal:
    data = generate(contacts=6000, seed=7, now=NOW)
    return GeneratedPortal(data=data, rows={kind: list(getattr(data, kind)) for kind in KINDS})


@cache
def compute_counters() -> dict[str, Mapping[str, str]]:
    return counters.compute_counters(generate_portal().data)


def serialize(data: PortalData) -> bytes:
    return orjson.dumps([[*getattr(data, kind)] for kind in KINDS])


def share(values: Iterable[bool]) -> float:
    counts = Counter(values)
    return counts[True] / counts.total()


@settings(max_examples=10, deadline=None)
@given(contacts=st.integers(min_value=0, max_value=60), seed=st.integers())
def test_the_same_seed_gives_the_same_bytes_each_time_it_is_iterated(contacts: int, seed: int) -> None:
    data = generate(contacts=contacts, seed=seed, now=NOW)
    assert serialize(data) == serialize(data) == serialize(generate(contacts=contacts, seed=seed, now=NOW))
    assert sum(1 for _ in data.contacts) == contacts


def test_another_seed_gives_other_contacts() -> None:
    assert serialize(generate(contacts=50, seed=1, now=NOW)) != serialize(generate(contacts=50, seed=2, now=NOW))


def test_contacts_do_not_depend_on_other_reads() -> None:
    data = generate(contacts=700, seed=7, now=NOW)
    alone = list(data.contacts)
    assert list(data.events)
    assert list(data.contacts) == alone


def test_the_first_of_a_million_contacts_is_available_at_once() -> None:
    data = generate(contacts=1_000_000, seed=7, now=NOW)
    assert len(list(islice(data.contacts, 10))) == 10
    assert len(list(islice(data.events, 10))) == 10


def test_every_row_has_the_shape_of_a_portal_folder(tmp_path: Path) -> None:
    data = generate(contacts=700, seed=7, now=NOW)
    folder.write(data, tmp_path)
    assert serialize(folder.read(tmp_path)) == serialize(data)


@pytest.mark.parametrize("kind", ["contacts", "companies", "email_events", "events", "participations", "deals"])
def test_ids_occur_once(kind: str) -> None:
    assert max(Counter(row["id"] for row in generate_portal().rows[kind]).values()) == 1


def test_ids_of_contacts_ascend_with_gaps() -> None:
    ids = [int(row["id"]) for row in generate_portal().rows["contacts"]]
    assert ids == sorted(ids)
    assert len({later - earlier for earlier, later in pairwise(ids)}) > 10


def test_addresses_and_domains_occur_once() -> None:
    emails = [values["email"] for values in generate_portal().properties() if "email" in values]
    domains = [row["properties"]["domain"] for row in generate_portal().rows["companies"]]
    assert len(set(emails)) == len(emails)
    assert len(set(domains)) == len(domains)


def test_no_real_email_address_is_generated() -> None:
    emails = [values["email"] for values in generate_portal().properties() if "email" in values]
    assert all(email.endswith(".example") or re.search(r"\.madeup\d+@", email) for email in emails)
    assert all(email.isascii() and email == email.lower() for email in emails)


def test_rows_reference_existing_rows_only() -> None:
    rows = generate_portal().rows
    contacts, companies = ({row["id"] for row in rows[kind]} for kind in ("contacts", "companies"))
    emails = {values.get("email") for values in generate_portal().properties()}
    forms = {row["id"] for row in rows["forms"]}
    assert {values.get("associatedcompanyid") for values in generate_portal().properties()} - {None} <= companies
    assert {row["objectId"] for row in rows["events"]} <= contacts
    assert {row["recipient"] for row in rows["email_events"]} <= emails
    assert {contact for row in rows["deals"] for contact in row["contactIds"]} <= contacts
    assert {row["formId"] for row in rows["submissions"]} == forms
    webinars = {row["objectId"] for row in rows["marketing_events"]}
    participations = [row["associations"] for row in rows["participations"]]
    assert {each["contact"]["contactId"] for each in participations} <= contacts
    assert {each["marketingEvent"]["marketingEventId"] for each in participations} <= webinars


def test_no_event_is_in_the_future_or_before_its_record() -> None:
    rows = generate_portal().rows
    times = [row["created"] for row in rows["email_events"]] + [row["submittedAt"] for row in rows["submissions"]]
    times += [row["properties"]["occurredAt"] for row in rows["participations"]]
    times += [int(datetime.fromisoformat(row["occurredAt"]).timestamp() * 1000) for row in rows["events"]]
    assert max(times) <= NOW_MS
    assert min(times) >= NOW_MS - timedelta(days=541) / timedelta(milliseconds=1)
    for row in (*rows["contacts"], *rows["companies"]):
        assert datetime.fromisoformat(row["createdAt"]) <= datetime.fromisoformat(row["updatedAt"]) <= NOW


def test_property_values_are_hubspots_texts() -> None:
    records = [row["properties"] for kind in ("contacts", "companies", "deals") for row in generate_portal().rows[kind]]
    assert all(type(value) is str for values in records for value in values.values())
    assert all(value for values in generate_portal().properties() for value in values.values())
    companies = [row["properties"] for row in generate_portal().rows["companies"]]
    assert all(re.fullmatch(r"[A-Z_]+", values["industry"]) and values["numberofemployees"].isdigit() for values in companies)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", values["createdate"]) for values in records)


def test_contacts_have_seven_languages_and_many_countries() -> None:
    languages = Counter(values["hs_language"][:2] for values in generate_portal().properties())
    assert set(languages) == {"en", "de", "fr", "es", "it", "ca", "zh"}
    spellings = {values.get("country") for values in generate_portal().properties()}
    assert {"Germany", "Deutschland", "DE", "中国", "España"} <= spellings
    titles = {values.get("jobtitle") for values in generate_portal().properties()}
    assert {
        "VP Sales",
        "Geschäftsführer",
        "Directeur commercial",
        "Jefa de compras",
        "Amministratore delegato",
        "Cap de compres",
        "首席技术官",
    } <= titles


def test_some_contacts_are_private_students_competitors_or_without_an_address() -> None:
    domains = Counter((values.get("email") or "@").partition("@")[2] for values in generate_portal().properties())
    assert domains["gmail.com"] > 100
    assert domains["tum.de"] > 20
    assert domains["mailinator.com"] > 5
    assert domains["leadforge.example"] > 5
    assert 0.03 < domains[""] / domains.total() < 0.1


def test_unsubscribed_and_bounced_contacts_are_marked_and_get_no_more_email() -> None:
    kinds, after = defaultdict(list), []
    for event in generate_portal().rows["email_events"]:
        kinds[event["recipient"]].append((event["created"], event["type"]))
    marked = {values.get("email"): values for values in generate_portal().properties()}
    for email, events in kinds.items():
        types = [kind for _, kind in sorted(events)]
        if "STATUSCHANGE" in types:
            assert marked[email]["hs_email_optout"] == "true"
            after.append("SENT" in types[types.index("STATUSCHANGE") :])
        if "BOUNCE" in types:
            assert marked[email]["hs_email_hard_bounce_reason_enum"]
            after.append("SENT" in types[types.index("BOUNCE") :])
    assert len(after) > 20
    assert not any(after)


def test_every_kind_of_scanner_clicks() -> None:
    clicks = [event for event in generate_portal().rows["email_events"] if event["type"] == "CLICK"]
    per_second = Counter((event["recipient"], event["created"] // 1000) for event in clicks)
    assert any(event["created"] - event["sentBy"]["created"] < 2000 for event in clicks)
    assert any(count >= 3 for count in per_second.values())
    assert any("bot" in event["userAgent"].lower() for event in clicks)
    assert any(event.get("filteredEvent") for event in clicks)
    assert any(event.get("obsoletedBy") for event in clicks)


def test_events_reference_existing_sends_and_successors() -> None:
    events = generate_portal().rows["email_events"]
    ids = {(event["id"], event["created"]) for event in events}
    assert {(event["obsoletedBy"]["id"], event["obsoletedBy"]["created"]) for event in events if "obsoletedBy" in event} <= ids
    assert {(event["sentBy"]["id"], event["sentBy"]["created"]) for event in events if "sentBy" in event} <= ids


def test_the_website_has_the_pages_that_a_model_uses() -> None:
    urls = Counter(row["properties"]["hs_url"].removeprefix("https://www.example.com") for row in generate_portal().rows["events"])
    for part in ("/pricing", "/careers", "/press", ".pdf", "?q=", "utm_campaign="):
        assert sum(count for url, count in urls.items() if part in url) > 20, part


def test_most_registrants_attend_a_webinar_and_the_next_one_is_in_the_future() -> None:
    states = Counter(row["properties"]["attendanceState"] for row in generate_portal().rows["participations"])
    assert states["ATTENDED"] > states["NO_SHOW"] > states["CANCELLED"] > 0 < states["REGISTERED"]
    assert [row["eventCompleted"] for row in generate_portal().rows["marketing_events"]].count(False) == 1


def test_most_contacts_have_no_events_and_few_have_many() -> None:
    views = [int(found["hs_analytics_num_page_views"]) for found in compute_counters().values()]
    assert share(count == 0 for count in views) > 0.5
    assert 0.01 < share(count >= 20 for count in views) < 0.1


def test_older_periods_have_less_activity() -> None:
    ages = [(NOW - datetime.fromisoformat(row["occurredAt"])).days for row in generate_portal().rows["events"]]
    thirds = Counter(age // 180 for age in ages)
    assert thirds[0] > thirds[1] > thirds[2] > 0


def test_active_contacts_buy_more_often() -> None:
    active = [found for found in compute_counters().values() if int(found["hs_analytics_num_page_views"]) >= 20]
    idle = [found for found in compute_counters().values() if found["hs_analytics_num_page_views"] == "0"]
    assert share("num_associated_deals" in found for found in active) > 3 * share("num_associated_deals" in found for found in idle)


def test_lifecycle_stages_follow_the_deals() -> None:
    stages = Counter(values.get("lifecyclestage") for values in generate_portal().properties())
    assert {None, "subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer", "other"} <= set(stages)
    by_id = {row["id"]: row["properties"].get("lifecyclestage") for row in generate_portal().rows["contacts"]}
    won = {by_id[row["contactIds"][0]] for row in generate_portal().rows["deals"] if row["properties"]["hs_is_closed_won"] == "true"}
    assert won == {"customer", "evangelist"}


def test_a_classic_model_has_contacts_in_every_band() -> None:
    def points_for(count: int) -> int:
        return sum(points for minimum, points in {1: 1, 3: 2, 5: 3, 8: 4, 10: 5}.items() if count >= minimum)

    clicks = Counter(event["recipient"] for event in generate_portal().rows["email_events"] if event["type"] == "CLICK")
    scores = [
        points_for(clicks[row["properties"].get("email", "")])
        + points_for(int(compute_counters()[row["id"]]["hs_analytics_num_page_views"]))
        + points_for(int(compute_counters()[row["id"]]["num_conversion_events"]))
        for row in generate_portal().rows["contacts"]
    ]
    bands = Counter("mql" if score >= 36 else "engaged" if score >= 11 else "nurture" for score in scores)
    assert bands["nurture"] > bands["engaged"] > bands["mql"] > 30


def test_some_contacts_opt_in_and_some_unsubscribe() -> None:
    by_status = defaultdict(set)
    for row in generate_portal().rows["subscriptions"]:
        by_status[row["subscription"], row["status"]].add(row["email"])
    opted_out = {values["email"] for values in generate_portal().properties() if values.get("hs_email_optout") and values.get("email")}
    assert len(by_status["Marketing Information", "SUBSCRIBED"]) > 50
    assert opted_out < by_status["Marketing Information", "UNSUBSCRIBED"]
    assert not by_status["Newsletter", "SUBSCRIBED"] & by_status["Newsletter", "UNSUBSCRIBED"]
