from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.sandbox import counters
from sync_worker.sandbox.base.portal_data import PortalData, Row

DAY = 86_400_000
MINUTE = 60_000
START = 1_790_000_000_000


def iso_time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


def make_contact(contact_id: str = "7", *, archived: bool = False, **properties: str | None) -> Row:
    return {"id": contact_id, "properties": properties, "createdAt": iso_time(START), "updatedAt": iso_time(START), "archived": archived}


def make_email_event(kind: str, ms: int, *, campaign: int = 1, to: str = "ana@example.com", **more: object) -> Row:
    return {"id": f"{kind}-{ms}", "created": ms, "type": kind, "recipient": to, "emailCampaignId": campaign, **more}


def make_page_view(ms: int, url: str = "https://www.example.com/", *, of: str = "7", kind: str = "e_visited_page") -> Row:
    return {"id": f"v{ms}", "eventType": kind, "objectId": of, "occurredAt": iso_time(ms), "properties": {"hs_url": url}}


def make_submission(ms: int, form: str = "f1", *, by: str = "ana@example.com", page: str = "https://www.example.com/contact-us") -> Row:
    return {"formId": form, "submittedAt": ms, "pageUrl": page, "values": [{"name": "email", "value": by}]}


def make_deal(*, of: list[str], **properties: str) -> Row:
    return {"id": "500", "properties": properties, "contactIds": of}


def compute_counters(**rows: list[Row]) -> dict[str, dict[str, str]]:
    rows.setdefault("contacts", [make_contact(email="ana@example.com")])
    data = PortalData(portal_id=1, tier="enterprise", time_zone="UTC", now=datetime(2026, 11, 1, tzinfo=UTC), **rows)  # type: ignore[arg-type]
    return {contact_id: dict(found) for contact_id, found in counters.compute_counters(data).items()}


def test_a_contact_without_events_has_zero_website_counters_and_no_email_counters() -> None:
    assert compute_counters() == {
        "7": {
            "hs_analytics_num_page_views": "0",
            "hs_analytics_num_visits": "0",
            "num_conversion_events": "0",
            "num_unique_conversion_events": "0",
        }
    }


def test_emails_are_counted_not_clicks() -> None:
    found = compute_counters(
        email_events=[
            make_email_event("SENT", START, campaign=1),
            make_email_event("DELIVERED", START + 1, campaign=1),
            make_email_event("CLICK", START + 5, campaign=1),
            make_email_event("CLICK", START + 9, campaign=1),
            make_email_event("CLICK", START + DAY, campaign=2),
        ]
    )["7"]
    assert found["hs_email_click"] == "2"
    assert found["hs_email_delivered"] == "1"
    assert "hs_email_open" not in found
    assert "hs_email_bounce" not in found


def test_an_email_without_campaign_is_identified_by_its_send() -> None:
    clicks = [make_email_event("CLICK", START + i, campaign=0, sentBy={"id": "s1", "created": START}) for i in range(3)]
    assert compute_counters(email_events=clicks)["7"]["hs_email_click"] == "1"


def test_filtered_and_replaced_events_do_not_count() -> None:
    found = compute_counters(
        email_events=[
            make_email_event("CLICK", START, filteredEvent=True),
            make_email_event("OPEN", START, obsoletedBy={"id": "o", "created": START + 1}),
        ]
    )["7"]
    assert not {"hs_email_click", "hs_email_open"} & found.keys()


def test_sends_after_the_last_open_or_click_are_counted() -> None:
    sends = [make_email_event("SENT", START + day * DAY, campaign=day) for day in range(5)]
    found = compute_counters(email_events=[*sends, make_email_event("OPEN", START + 2 * DAY + 1)])["7"]
    assert found["hs_email_sends_since_last_engagement"] == "2"
    assert compute_counters(email_events=sends)["7"]["hs_email_sends_since_last_engagement"] == "5"


def test_first_and_last_dates_do_not_depend_on_the_order() -> None:
    found = compute_counters(email_events=[make_email_event("CLICK", START + day * DAY) for day in (3, 1, 2)])["7"]
    assert found["hs_email_first_click_date"] == "2026-09-22T14:13:20Z"
    assert found["hs_email_last_click_date"] == "2026-09-24T14:13:20Z"


def test_half_an_hour_without_a_view_ends_a_session() -> None:
    minutes = [0, 29, 59, 90, 500]
    found = compute_counters(events=[make_page_view(START + m * MINUTE) for m in minutes])["7"]
    assert found["hs_analytics_num_page_views"] == "5"
    assert found["hs_analytics_num_visits"] == "3"
    assert found["hs_analytics_last_visit_timestamp"] == found["hs_analytics_last_timestamp"]


def test_the_first_and_last_page_are_set() -> None:
    found = compute_counters(
        events=[make_page_view(START + DAY, "https://b"), make_page_view(START, "https://a"), make_page_view(START + 2 * DAY, "https://c")]
    )["7"]
    assert (found["hs_analytics_first_url"], found["hs_analytics_last_url"]) == ("https://a", "https://c")


def test_other_events_are_not_page_views() -> None:
    assert compute_counters(events=[make_page_view(START, kind="pe1_trial_started")])["7"]["hs_analytics_num_page_views"] == "0"


def test_conversions_are_counted_and_named_by_page_and_form() -> None:
    found = compute_counters(
        forms=[{"id": "f1", "name": "Contact us"}, {"id": "f2", "name": "Newsletter"}],
        submissions=[
            make_submission(START),
            make_submission(START + DAY, "f2", page="https://www.example.com/"),
            make_submission(START + 1),
        ],
    )["7"]
    assert found["num_conversion_events"] == "3"
    assert found["num_unique_conversion_events"] == "2"
    assert found["first_conversion_event_name"] == "Contact us: Contact us"
    assert found["recent_conversion_event_name"] == "www.example.com: Newsletter"
    assert found["recent_conversion_date"] == "2026-09-22T14:13:20Z"


def test_revenue_is_the_sum_of_won_deals() -> None:
    found = compute_counters(
        deals=[
            make_deal(of=["7"], createdate=iso_time(START), closedate=iso_time(START + DAY), amount="1500.50", hs_is_closed_won="true"),
            make_deal(
                of=["7", "8"], createdate=iso_time(START - DAY), closedate=iso_time(START + 2 * DAY), amount="1000", dealstage="closedwon"
            ),
            make_deal(of=["7"], createdate=iso_time(START + 5 * DAY), amount="99", dealstage="closedlost", hs_is_closed_won="false"),
        ]
    )["7"]
    assert found["num_associated_deals"] == "3"
    assert found["total_revenue"] == "2500.5"
    assert found["recent_deal_amount"] == "1000"
    assert found["recent_deal_close_date"] == "2026-09-23T14:13:20Z"
    assert found["first_deal_created_date"] == "2026-09-20T14:13:20Z"


@pytest.mark.parametrize("amount", ["", "a lot", "NaN", "Infinity"])
def test_an_amount_that_is_not_a_number_is_ignored(amount: str) -> None:
    found = compute_counters(deals=[make_deal(of=["7"], closedate=iso_time(START), amount=amount, hs_is_closed_won="true")])["7"]
    assert found["num_associated_deals"] == "1"
    assert not {"total_revenue", "recent_deal_amount"} & found.keys()


def test_primary_and_additional_addresses_match_in_any_case() -> None:
    found = compute_counters(
        contacts=[make_contact("7", email="ana@example.com", hs_additional_emails="a.b@example.org;ANA@example.net")],
        email_events=[make_email_event("CLICK", START, to="Ana@Example.com")],
        submissions=[make_submission(START, by="ana@EXAMPLE.net ")],
    )["7"]
    assert found["hs_email_click"] == "1"
    assert found["num_conversion_events"] == "1"


def test_an_address_belongs_to_the_live_contact_with_this_primary_address() -> None:
    found = compute_counters(
        contacts=[
            make_contact("5", email="ana@example.com", archived=True),
            make_contact("6", email="ben@example.com", hs_additional_emails="ana@example.com"),
            make_contact("7", email="ana@example.com"),
        ],
        email_events=[make_email_event("CLICK", START)],
    )
    assert [contact for contact, values in found.items() if "hs_email_click" in values] == ["7"]


def test_events_without_a_contact_are_ignored() -> None:
    found = compute_counters(
        contacts=[make_contact("7")],
        email_events=[make_email_event("CLICK", START, to="")],
        events=[make_page_view(START, of="99")],
        submissions=[{"formId": "f", "submittedAt": START, "values": []}],
        deals=[make_deal(of=["99"])],
    )
    assert found == compute_counters(contacts=[make_contact("7")])


@given(order=st.permutations(range(20)))
def test_the_order_of_the_rows_is_irrelevant(order: list[int]) -> None:
    kinds = ("SENT", "DELIVERED", "OPEN", "CLICK", "BOUNCE")
    mail = [make_email_event(kinds[i % 5], START + i % 7 * DAY, campaign=i % 3) for i in range(20)]
    views = [make_page_view(START + i * i % 97 * 10 * MINUTE, f"https://{i}") for i in range(20)]
    submissions = [make_submission(START + i % 3 * DAY, f"f{i % 2}") for i in range(20)]
    mixed = {kind: [rows[i] for i in order] for kind, rows in (("email_events", mail), ("events", views), ("submissions", submissions))}
    assert compute_counters(**mixed) == compute_counters(email_events=mail, events=views, submissions=submissions)


def test_one_contact_counted_alone_agrees_with_the_whole_portal() -> None:
    mail, views, submissions = [make_email_event("CLICK", START)], [make_page_view(START)], [make_submission(START)]
    alone = counters.ContactCounters()
    alone.add_email_event(mail[0])
    alone.add_event(views[0])
    alone.add_submission(submissions[0], "f1")
    assert alone.properties() == compute_counters(email_events=mail, events=views, submissions=submissions)["7"]
