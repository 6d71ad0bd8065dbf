"""The facts as of an instant: what became known later is left out, or named where its history is missing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sync_worker.cli.portal_folder import read_history
from sync_worker.errors import ConfigurationError
from sync_worker.insight.as_of import as_of
from sync_worker.insight.known_then import INSTANT, forget_later_facts
from sync_worker.insight.outcomes import find_outcomes, outcomes_after, sum_revenue
from sync_worker.insight.portal_history import PortalHistory
from sync_worker.model.compiled.facts import TIMESTAMP
from sync_worker.model.compiled.loader import loads
from sync_worker.sandbox import folder
from sync_worker.sandbox.base.timestamps import format_iso
from sync_worker.timestamps import from_ms
from tests.harness import DAY, NOW, NOW_MS, make_click, make_contact, make_page_view, make_submission, small_portal

EARLIER, EARLIER_MS = NOW - timedelta(days=30), NOW_MS - 30 * DAY
BEFORE, AFTER = EARLIER_MS - DAY, EARLIER_MS + DAY

MODEL = loads(
    """
name: Every source
score:
  criteria:
    clicks: {event: email_click, each: 1, at_most: 9}
    views: {event: page_view, each: 1, at_most: 9}
    forms: {event: form_submission, each: 1, at_most: 9}
    sends: {when: {hs_email_sends_since_last_engagement: {at_least: 1}}, points: 1}
    deals: {when: {num_associated_deals: {at_least: 1}}, points: 1}
    role: {when: {jobtitle: {contains_any: [cto]}}, points: 1}
    status: {when: {hs_lead_status: {is: CONNECTED}}, points: 1}
    size: {when: {company.numberofemployees: {at_least: 50}}, points: 1}
    news: {when: {subscribed_to: Newsletter}, points: 1}
  bands: [{name: all, from: 0}]
qualification: {threshold: 5}
""",
    "model.yaml",
)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., PortalHistory]:
    """Return a function that writes a portal folder and reads its history."""

    def read_rows(**rows: Any) -> PortalHistory:
        nothing: dict[str, Any] = {kind: [] for kind in ("companies", "email_events", "events", "submissions")}
        folder.write(small_portal(**{**nothing, "contacts": [make_contact(1)], **rows}), tmp_path / "portal")
        return read_history(tmp_path / "portal", [MODEL])

    return read_rows


def make_value(name: str, value: str, at: int, kind: str = "contacts", number: int = 1) -> dict[str, Any]:
    return {"objectType": kind, "id": str(number), "name": name, "value": value, "timestamp": format_iso(at)}


def make_deal(number: int, created: int, **properties: str) -> dict[str, Any]:
    return {"id": str(number), "properties": {"createdate": format_iso(created), **properties}, "contactIds": ["1"]}


LATE = {"createdAt": format_iso(AFTER), "updatedAt": format_iso(AFTER)}
CREATED = {"createdAt": "2026-01-02T03:04:05Z", "updatedAt": "2026-02-03T04:05:06Z"}
BIG = {"id": "7", "properties": {"numberofemployees": "500"}, **CREATED}
OWN_COMPANY = make_contact(1, associatedcompanyid="7")
MERGED = make_contact(5, hs_merged_object_ids="1", hs_calculated_merged_vids=f"1:{AFTER}")

#: What a sale leaves behind: rows of the time after the instant. Nothing of it may be visible as of the instant.
LEAKS: dict[str, dict[str, Any]] = {
    "a property that has a history": {
        "contacts": [make_contact(1, hs_lead_status="CONNECTED")],
        "property_history": [make_value("hs_lead_status", "CONNECTED", AFTER)],
    },
    "a click": {"email_events": [make_click("c", "p1@example.com", AFTER)]},
    "a page view": {"events": [make_page_view("v", 1, AFTER)]},
    "a submitted form": {"submissions": [make_submission("p1@example.com", "demo", AFTER)]},
    "a counter of sends": {"email_events": [{**make_click("s", "p1@example.com", AFTER), "type": "SENT"}]},
    "a counter of deals": {"deals": [make_deal(9, AFTER)]},
    "a company that was created for the deal": {"contacts": [OWN_COMPANY], "companies": [{**BIG, **LATE}]},
    "a property of a company": {
        "contacts": [OWN_COMPANY],
        "companies": [BIG],
        "property_history": [make_value("numberofemployees", "500", AFTER, "companies", 7)],
    },
    "a subscription": {
        "subscriptions": [{"email": "p1@example.com", "subscription": "Newsletter", "status": "SUBSCRIBED", "timestamp": format_iso(AFTER)}]
    },
    "the events of a merged contact": {
        "contacts": [make_contact(1), MERGED],
        "events": [make_page_view("v", 1, AFTER)],
    },
}
#: The same without a history: the values cannot be known, so they are named.
NAMED_LEAKS: dict[str, tuple[dict[str, Any], str]] = {
    "a property": ({"contacts": [make_contact(1, hs_lead_status="CONNECTED")]}, "hs_lead_status"),
    "a property of a company": ({"contacts": [OWN_COMPANY], "companies": [BIG]}, "company.numberofemployees"),
    "the company of a contact": ({"contacts": [OWN_COMPANY], "companies": [BIG]}, "associatedcompanyid"),
    "a property that only other contacts have a history of": (
        {
            "contacts": [make_contact(1, hs_lead_status="CONNECTED"), make_contact(2, hs_lead_status="NEW")],
            "property_history": [make_value("hs_lead_status", "NEW", BEFORE, number=2)],
        },
        "hs_lead_status",
    ),
    "a property that changed more often than HubSpot keeps": (
        {
            "contacts": [make_contact(1, jobtitle="CTO")],
            "property_history": [make_value("jobtitle", "CTO", AFTER + n) for n in range(20)],
        },
        "jobtitle",
    ),
}


def describe(history: PortalHistory) -> dict[int, dict[str, Any]]:
    known = as_of(history, EARLIER).build_facts()
    events = dict(known.events.group_by("contact_id").len().iter_rows())
    return {row["contact_id"]: {**row, "events": events.get(row["contact_id"], 0)} for row in known.contacts.iter_rows(named=True)}


EMPTY = (None, "", "0", ";", 0)


@pytest.mark.parametrize("rows", LEAKS.values(), ids=LEAKS)
def test_what_a_sale_leaves_behind_is_not_visible_before_it(read: Callable[..., PortalHistory], rows: dict[str, Any]) -> None:
    (contact,) = [row for id_, row in describe(read(**rows)).items() if id_ == 1]
    known = {name for name, value in contact.items() if value not in EMPTY}
    assert known - {"associatedcompanyid"} == {"contact_id", "email"}


@pytest.mark.parametrize(("rows", "name"), NAMED_LEAKS.values(), ids=NAMED_LEAKS)
def test_a_value_without_a_history_is_named(read: Callable[..., PortalHistory], rows: dict[str, Any], name: str) -> None:
    assert name in as_of(read(**rows), EARLIER).select_frozen(MODEL)


def test_contacts_that_were_merged_later_are_separate(read: Callable[..., PortalHistory]) -> None:
    merged = {**make_contact(1), "archived": True, "archivedAt": format_iso(AFTER)}
    rows = {"contacts": [merged, MERGED], "events": [make_page_view("v", 1, BEFORE)]}
    assert {id_: row["events"] for id_, row in describe(read(**rows)).items()} == {1: 1}


def test_an_event_that_is_shown_for_a_survivor_may_be_of_each_merged_contact(read: Callable[..., PortalHistory]) -> None:
    def merged(number: int) -> dict[str, Any]:
        return {**make_contact(number), "archived": True, "archivedAt": format_iso(AFTER)}

    survivor = make_contact(5, hs_merged_object_ids="1;2", hs_calculated_merged_vids=f"1:{AFTER};2:{AFTER}")
    history = read(contacts=[merged(1), merged(2), survivor], events=[make_page_view("v", 5, BEFORE), make_page_view("w", 1, BEFORE)])
    assert {id_: row["events"] for id_, row in describe(history).items()} == {1: 2, 2: 1}
    assert as_of(history, NOW).events["contact_id"].to_list() == [5, 5]


def test_a_chain_of_merges_is_followed_to_the_contact_of_each_time(read: Callable[..., PortalHistory]) -> None:
    def merged(number: int, at: int) -> dict[str, Any]:
        return {**make_contact(number), "archived": True, "archivedAt": format_iso(at)}

    first, second = EARLIER_MS - 10 * DAY, AFTER
    middle = {**merged(2, second), "properties": {"hs_merged_object_ids": "1", "hs_calculated_merged_vids": f"1:{first}"}}
    last = make_contact(3, hs_merged_object_ids="2", hs_calculated_merged_vids=f"2:{second}")
    times = (BEFORE, first - DAY)
    rows = {"contacts": [merged(1, first), middle, last], "events": [make_page_view(f"v{at}", 1, at) for at in times]}
    history = read(**rows, deals=[make_deal(9, AFTER)])
    found = {
        at: dict(as_of(history, from_ms(at)).events.group_by("contact_id").len().iter_rows()) for at in (first - 1, EARLIER_MS, NOW_MS)
    }
    assert found == {first - 1: {1: 1}, EARLIER_MS: {2: 2}, NOW_MS: {3: 2}}
    assert find_outcomes(history)["contact_id"].to_list() == [1, 2, 3]


def test_a_value_that_hubspot_no_longer_keeps_is_the_first_one_that_it_keeps(read: Callable[..., PortalHistory]) -> None:
    values = [make_value("jobtitle", f"title {n}", AFTER + n) for n in range(20)]
    known = as_of(read(contacts=[make_contact(1, jobtitle="title 19")], property_history=values), EARLIER)
    assert known.contacts["jobtitle"].to_list() == ["title 0"]
    assert "jobtitle" in known.frozen


def test_the_present_has_the_latest_value_whatever_its_history_lacks(read: Callable[..., PortalHistory]) -> None:
    history = read(contacts=[make_contact(1, jobtitle="CTO")], property_history=[make_value("jobtitle", "Engineer", BEFORE)])
    assert as_of(history, NOW).contacts["jobtitle"].to_list() == ["CTO"]
    assert as_of(history, EARLIER).contacts["jobtitle"].to_list() == ["Engineer"]
    later = read(contacts=[make_contact(1, jobtitle="CTO")], property_history=[make_value("jobtitle", "CTO", NOW_MS + DAY)])
    assert as_of(later, NOW).contacts["jobtitle"].to_list() == [None]


def test_a_change_at_the_instant_itself_counts_and_of_two_the_last_one(read: Callable[..., PortalHistory]) -> None:
    values = [make_value("jobtitle", title, EARLIER_MS) for title in ("Engineer", "CTO")]
    history = read(contacts=[make_contact(1, jobtitle="CTO")], property_history=[make_value("jobtitle", "Student", BEFORE), *values])
    titles = [as_of(history, EARLIER - timedelta(milliseconds=before)).contacts["jobtitle"].item() for before in (0, 1)]
    assert titles == ["CTO", "Student"]


def test_what_cannot_be_read_is_left_out_and_named(read: Callable[..., PortalHistory]) -> None:
    click = {**make_click("c", "p1@example.com", BEFORE), "emailCampaignId": {"id": 1}}
    history = read(
        contacts=[make_contact(1, hs_lifecyclestage_customer_date="soon")],
        email_events=[click, make_click("d", "p1@example.com", BEFORE)],
        deals=[make_deal(8, BEFORE, createdate="yesterday"), make_deal(9, BEFORE, dealstage="closedwon", closedate="2026-13-01")],
    )
    (note,) = history.gaps.describe([])
    names = ("contacts: hs_lifecyclestage_customer_date (1)", "deals: closedate (1)", "deals: createdate (1)", "email_events (1)")
    assert note.endswith(f"{', '.join(names)}.")
    assert (history.events.height, history.deals.height) == (2, 1)  # the other fields of the click are used
    assert find_outcomes(history)["customer_at"].to_list() == [None]


def test_contacts_evaluated_together_know_what_each_knew_alone(read: Callable[..., PortalHistory]) -> None:
    instants = {1: BEFORE, 2: EARLIER_MS, 3: EARLIER_MS, 4: AFTER}
    history = read(
        contacts=[make_contact(number, associatedcompanyid="7", jobtitle="CTO") for number in instants],
        companies=[BIG],
        events=[make_page_view(f"v{number}-{at}", number, at) for number in instants for at in (BEFORE - 1, EARLIER_MS, AFTER + 1)],
        deals=[make_deal(9, EARLIER_MS - 1, dealstage="closedwon", closedate=format_iso(AFTER))],
        property_history=[
            *(make_value("numberofemployees", f"{at}", at, "companies", 7) for at in (BEFORE - 1, EARLIER_MS, AFTER)),
            *(make_value("jobtitle", "CTO", EARLIER_MS, number=number) for number in instants),
            *(make_value("associatedcompanyid", "7", EARLIER_MS, number=number) for number in (1, 2)),
        ],
    )
    times = {number: from_ms(at) for number, at in instants.items()}
    frame = pl.DataFrame({"contact_id": list(times), INSTANT: pl.Series(list(times.values()), dtype=TIMESTAMP)})
    together = as_of(forget_later_facts(history, frame), from_ms(AFTER)).build_facts()
    for number, at in times.items():
        alone = as_of(history, at).build_facts()
        for one, all_ in ((alone.contacts, together.contacts), (alone.events, together.events)):
            own = [part.filter(contact_id=number).drop("associatedcompanyid", strict=False) for part in (one, all_)]
            assert own[0].equals(own[1])


def test_the_future_changes_nothing_in_what_was_known(read: Callable[..., PortalHistory]) -> None:
    past = {"events": [make_page_view("v", 1, BEFORE)], "property_history": [make_value("jobtitle", "CTO", BEFORE)]}
    values = [make_value("jobtitle", "CEO", AFTER), make_value("hs_lead_status", "CONNECTED", AFTER)]
    future = {
        "contacts": [make_contact(1, jobtitle="CEO", hs_lead_status="CONNECTED"), {**make_contact(2), **LATE}],
        "events": [*past["events"], make_page_view("w", 1, AFTER)],
        "deals": [make_deal(9, AFTER, dealstage="closedwon")],
        "property_history": [*past["property_history"], *values],
    }
    assert describe(read(**past)) == describe(read(**future))


def test_the_order_of_rows_changes_nothing(read: Callable[..., PortalHistory]) -> None:
    contacts = [make_contact(number) for number in range(1, 5)]
    events = [make_page_view(f"v{number}", number % 3 + 1, BEFORE - number) for number in range(8)]
    assert describe(read(contacts=contacts, events=events)) == describe(read(contacts=contacts[::-1], events=events[::-1]))


def test_a_history_as_of_an_instant_is_the_same_as_of_that_instant_again(read: Callable[..., PortalHistory]) -> None:
    known = as_of(read(events=[make_page_view("v", 1, BEFORE), make_page_view("w", 1, AFTER)]), EARLIER)
    again = as_of(known, EARLIER)
    assert again.contacts.equals(known.contacts)
    assert again.events.equals(known.events)


def test_outcomes_are_the_first_deal_and_the_first_deal_won(read: Callable[..., PortalHistory]) -> None:
    won = make_deal(9, AFTER, dealstage="closedwon", closedate=format_iso(AFTER + DAY), amount="700")
    future = make_deal(11, BEFORE, dealstage="closedwon", closedate=format_iso(NOW_MS + DAY), amount="50")
    history = read(deals=[won, won, make_deal(10, AFTER + 2 * DAY, dealstage="qualifiedtobuy", closedate=format_iso(AFTER + DAY))])
    assert find_outcomes(history).rows() == [(1, from_ms(AFTER), from_ms(AFTER + DAY))]
    assert find_outcomes(read(deals=[future])).rows() == [(1, from_ms(BEFORE), None)]
    assert [sum_revenue(each, each.contacts) for each in (history, read(deals=[future]))] == [700, 0]
    assert outcomes_after(history, EARLIER, timedelta(days=30)).rows()[0][-1] is False


def test_a_deal_closed_when_it_reached_its_stage_whatever_its_close_date(read: Callable[..., PortalHistory]) -> None:
    won = make_deal(9, BEFORE, dealstage="closedwon", closedate=format_iso(BEFORE))
    history = read(deals=[won], property_history=[make_value("dealstage", "closedwon", AFTER, "deals", 9)])
    assert find_outcomes(history)["customer_at"].to_list() == [from_ms(AFTER)]
    assert find_outcomes(as_of(history, EARLIER))["customer_at"].to_list() == [None]


def test_a_lifecycle_stage_is_an_outcome_without_deals(read: Callable[..., PortalHistory]) -> None:
    contact = make_contact(1, hs_lifecyclestage_customer_date=format_iso(AFTER))
    assert find_outcomes(read(contacts=[contact]))["customer_at"].to_list() == [from_ms(AFTER)]


@pytest.mark.parametrize(
    ("days_ago", "horizon", "message"),
    [(10, 30, "not over"), (900, 30, "Nothing is known"), (40, 30, "no deal")],
    ids=["a horizon that is not over", "a date before the data", "a portal without outcomes"],
)
def test_outcomes_that_cannot_be_known_are_an_error(read: Callable[..., PortalHistory], days_ago: int, horizon: int, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        outcomes_after(read(), NOW - timedelta(days=days_ago), timedelta(days=horizon))
