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


def at(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


def a_contact(contact_id: str = "7", *, archived: bool = False, **properties: str | None) -> Row:
    return {"id": contact_id, "properties": properties, "createdAt": at(START), "updatedAt": at(START), "archived": archived}


def an_email_event(kind: str, ms: int, *, campaign: int = 1, to: str = "ana@example.com", **more: object) -> Row:
    return {"id": f"{kind}-{ms}", "created": ms, "type": kind, "recipient": to, "emailCampaignId": campaign, **more}


def a_view(ms: int, url: str = "https://www.example.com/", *, of: str = "7", kind: str = "e_visited_page") -> Row:
    return {"id": f"v{ms}", "eventType": kind, "objectId": of, "occurredAt": at(ms), "properties": {"hs_url": url}}


def a_submission(ms: int, form: str = "f1", *, by: str = "ana@example.com", page: str = "https://www.example.com/contact-us") -> Row:
    return {"formId": form, "submittedAt": ms, "pageUrl": page, "values": [{"name": "email", "value": by}]}


def a_deal(*, of: list[str], **properties: str) -> Row:
    return {"id": "500", "properties": properties, "contactIds": of}


def a_tally(**rows: list[Row]) -> dict[str, dict[str, str]]:
    rows.setdefault("contacts", [a_contact(email="ana@example.com")])
    data = PortalData(portal_id=1, tier="enterprise", time_zone="UTC", now=datetime(2026, 11, 1, tzinfo=UTC), **rows)  # type: ignore[arg-type]
    return {contact_id: dict(found) for contact_id, found in counters.compute_counters(data).items()}


def test_a_contact_that_did_nothing_has_zeros_on_the_website_and_nothing_in_mail() -> None:
    assert a_tally() == {
        "7": {
            "hs_analytics_num_page_views": "0",
            "hs_analytics_num_visits": "0",
            "num_conversion_events": "0",
            "num_unique_conversion_events": "0",
        }
    }


def test_emails_are_counted_not_clicks() -> None:
    found = a_tally(
        email_events=[
            an_email_event("SENT", START, campaign=1),
            an_email_event("DELIVERED", START + 1, campaign=1),
            an_email_event("CLICK", START + 5, campaign=1),
            an_email_event("CLICK", START + 9, campaign=1),
            an_email_event("CLICK", START + DAY, campaign=2),
        ]
    )["7"]
    assert found["hs_email_click"] == "2"
    assert found["hs_email_delivered"] == "1"
    assert "hs_email_open" not in found
    assert "hs_email_bounce" not in found


def test_an_email_without_campaign_is_known_by_its_send() -> None:
    clicks = [an_email_event("CLICK", START + i, campaign=0, sentBy={"id": "s1", "created": START}) for i in range(3)]
    assert a_tally(email_events=clicks)["7"]["hs_email_click"] == "1"


def test_filtered_and_replaced_events_do_not_count() -> None:
    found = a_tally(
        email_events=[
            an_email_event("CLICK", START, filteredEvent=True),
            an_email_event("OPEN", START, obsoletedBy={"id": "o", "created": START + 1}),
        ]
    )["7"]
    assert not {"hs_email_click", "hs_email_open"} & found.keys()


def test_sends_after_the_last_open_or_click_went_unanswered() -> None:
    sends = [an_email_event("SENT", START + day * DAY, campaign=day) for day in range(5)]
    answered = a_tally(email_events=[*sends, an_email_event("OPEN", START + 2 * DAY + 1)])["7"]
    assert answered["hs_email_sends_since_last_engagement"] == "2"
    assert a_tally(email_events=sends)["7"]["hs_email_sends_since_last_engagement"] == "5"


def test_first_and_last_dates_do_not_depend_on_the_order() -> None:
    found = a_tally(email_events=[an_email_event("CLICK", START + day * DAY) for day in (3, 1, 2)])["7"]
    assert found["hs_email_first_click_date"] == "2026-09-22T14:13:20Z"
    assert found["hs_email_last_click_date"] == "2026-09-24T14:13:20Z"


def test_half_an_hour_without_a_view_ends_a_session() -> None:
    minutes = [0, 29, 59, 90, 500]
    found = a_tally(events=[a_view(START + m * MINUTE) for m in minutes])["7"]
    assert found["hs_analytics_num_page_views"] == "5"
    assert found["hs_analytics_num_visits"] == "3"
    assert found["hs_analytics_last_visit_timestamp"] == found["hs_analytics_last_timestamp"]


def test_the_first_and_last_page_are_named() -> None:
    found = a_tally(events=[a_view(START + DAY, "https://b"), a_view(START, "https://a"), a_view(START + 2 * DAY, "https://c")])["7"]
    assert (found["hs_analytics_first_url"], found["hs_analytics_last_url"]) == ("https://a", "https://c")


def test_other_events_are_no_page_views() -> None:
    assert a_tally(events=[a_view(START, kind="pe1_trial_started")])["7"]["hs_analytics_num_page_views"] == "0"


def test_conversions_are_counted_and_named_by_page_and_form() -> None:
    found = a_tally(
        forms=[{"id": "f1", "name": "Contact us"}, {"id": "f2", "name": "Newsletter"}],
        submissions=[a_submission(START), a_submission(START + DAY, "f2", page="https://www.example.com/"), a_submission(START + 1)],
    )["7"]
    assert found["num_conversion_events"] == "3"
    assert found["num_unique_conversion_events"] == "2"
    assert found["first_conversion_event_name"] == "Contact us: Contact us"
    assert found["recent_conversion_event_name"] == "www.example.com: Newsletter"
    assert found["recent_conversion_date"] == "2026-09-22T14:13:20Z"


def test_deals_roll_up_what_was_won() -> None:
    found = a_tally(
        deals=[
            a_deal(of=["7"], createdate=at(START), closedate=at(START + DAY), amount="1500.50", hs_is_closed_won="true"),
            a_deal(of=["7", "8"], createdate=at(START - DAY), closedate=at(START + 2 * DAY), amount="1000", dealstage="closedwon"),
            a_deal(of=["7"], createdate=at(START + 5 * DAY), amount="99", dealstage="closedlost", hs_is_closed_won="false"),
        ]
    )["7"]
    assert found["num_associated_deals"] == "3"
    assert found["total_revenue"] == "2500.5"
    assert found["recent_deal_amount"] == "1000"
    assert found["recent_deal_close_date"] == "2026-09-23T14:13:20Z"
    assert found["first_deal_created_date"] == "2026-09-20T14:13:20Z"


@pytest.mark.parametrize("amount", ["", "a lot", "NaN", "Infinity"])
def test_an_amount_that_is_no_number_counts_nothing(amount: str) -> None:
    found = a_tally(deals=[a_deal(of=["7"], closedate=at(START), amount=amount, hs_is_closed_won="true")])["7"]
    assert found["num_associated_deals"] == "1"
    assert not {"total_revenue", "recent_deal_amount"} & found.keys()


def test_addresses_are_joined_whatever_their_case_and_the_additional_ones_too() -> None:
    found = a_tally(
        contacts=[a_contact("7", email="ana@example.com", hs_additional_emails="a.b@example.org;ANA@example.net")],
        email_events=[an_email_event("CLICK", START, to="Ana@Example.com")],
        submissions=[a_submission(START, by="ana@EXAMPLE.net ")],
    )["7"]
    assert found["hs_email_click"] == "1"
    assert found["num_conversion_events"] == "1"


def test_an_address_belongs_to_the_contact_whose_own_it_is() -> None:
    found = a_tally(
        contacts=[
            a_contact("5", email="ana@example.com", archived=True),
            a_contact("6", email="ben@example.com", hs_additional_emails="ana@example.com"),
            a_contact("7", email="ana@example.com"),
        ],
        email_events=[an_email_event("CLICK", START)],
    )
    assert [contact for contact, values in found.items() if "hs_email_click" in values] == ["7"]


def test_what_nobody_did_is_left_out() -> None:
    found = a_tally(
        contacts=[a_contact("7")],
        email_events=[an_email_event("CLICK", START, to="")],
        events=[a_view(START, of="99")],
        submissions=[{"formId": "f", "submittedAt": START, "values": []}],
        deals=[a_deal(of=["99"])],
    )
    assert found == a_tally(contacts=[a_contact("7")])


@given(order=st.permutations(range(20)))
def test_the_order_of_the_rows_is_irrelevant(order: list[int]) -> None:
    kinds = ("SENT", "DELIVERED", "OPEN", "CLICK", "BOUNCE")
    mail = [an_email_event(kinds[i % 5], START + i % 7 * DAY, campaign=i % 3) for i in range(20)]
    views = [a_view(START + i * i % 97 * 10 * MINUTE, f"https://{i}") for i in range(20)]
    filled = [a_submission(START + i % 3 * DAY, f"f{i % 2}") for i in range(20)]
    mixed = {kind: [rows[i] for i in order] for kind, rows in (("email_events", mail), ("events", views), ("submissions", filled))}
    assert a_tally(**mixed) == a_tally(email_events=mail, events=views, submissions=filled)


def test_one_contact_counted_alone_agrees_with_the_whole_portal() -> None:
    mail, views, filled = [an_email_event("CLICK", START)], [a_view(START)], [a_submission(START)]
    alone = counters.ContactCounters()
    alone.add_email_event(mail[0])
    alone.add_event(views[0])
    alone.add_submission(filled[0], "f1")
    assert alone.properties() == a_tally(email_events=mail, events=views, submissions=filled)["7"]
