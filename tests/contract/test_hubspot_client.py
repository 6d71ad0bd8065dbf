"""Every API of the HubSpot client, once, over real HTTP, with both path versions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

import pytest
import requests

from sync_worker.errors import BadRequest, Forbidden, NotFound, Unauthorized
from sync_worker.hubspot.client import HubSpot, connect
from sync_worker.hubspot.records.models import ContactUpdate, IdRange, PropertyDefinition, PropertyGroup, PropertyOption
from sync_worker.hubspot.rest.endpoints import ApiVersion
from sync_worker.hubspot.rest.rate_limiter import Budget, RateLimitSettings
from sync_worker.hubspot.rest.retry import RetryPolicy
from sync_worker.sandbox.base.portal_data import PortalData
from sync_worker.sandbox.server.server import RunningServer, SandboxConfig, Switches, run_in_thread

NOW = datetime.now(UTC).replace(microsecond=0)
LONG_AGO, AN_HOUR_AGO = NOW - timedelta(days=300), NOW - timedelta(hours=1)
IDS = [3 * number for number in range(1, 231)]
BAND = PropertyDefinition(
    name="lead_score_band",
    label="Lead score band",
    type="enumeration",
    field_type="select",
    group="lead_scoring",
    options=(PropertyOption(value="cold", label="Cold", order=0), PropertyOption(value="hot", label="Hot", order=1)),
)
SCORE = PropertyDefinition(name="lead_score", label="Lead score", type="number", field_type="number", group="lead_scoring")


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def make_record(id_: int, at: datetime = LONG_AGO, **properties: str) -> dict[str, Any]:
    return {"id": str(id_), "properties": properties, "createdAt": iso(LONG_AGO), "updatedAt": iso(at), "archived": False}


def make_participation(id_: int, state: str) -> dict[str, Any]:
    return {
        "id": f"p-{id_}",
        "properties": {"attendanceState": state, "occurredAt": ms(AN_HOUR_AGO)},
        "associations": {"contact": {"contactId": str(id_)}, "marketingEvent": {"marketingEventId": "7"}},
    }


def make_portal_data() -> PortalData:
    """Return a small portal with records of every type."""
    click = {"type": "CLICK", "recipient": "person-3@example.com", "url": "https://acme.example/pricing", "emailCampaignId": 7}
    view = {"eventType": "e_visited_page", "objectType": "CONTACT", "objectId": "3", "properties": {"hs_url": "https://acme.example/"}}
    deal = make_record(501, dealname="First") | {"contactIds": ["3", "6"]}
    values = [{"name": "email", "value": "person-3@example.com", "objectTypeId": "0-1"}]
    return PortalData(
        portal_id=4_242,
        tier="enterprise",
        time_zone="Europe/Berlin",
        now=NOW,
        contacts=[make_record(id_, LONG_AGO + timedelta(seconds=id_), email=f"person-{id_}@example.com", firstname="Ana") for id_ in IDS],
        companies=[make_record(9_001, name="Acme", domain="acme.example")],
        deals=[deal, make_record(502, dealname="Lonely") | {"contactIds": []}],
        email_events=[{"id": f"c-{n}", "created": ms(AN_HOUR_AGO) + n, **click} for n in range(5)],
        events=[{"id": f"v-{n}", "occurredAt": iso(AN_HOUR_AGO + timedelta(seconds=n)), **view} for n in range(5)],
        forms=[{"id": "form-1", "name": "Demo"}],
        submissions=[
            {"formId": "form-1", "submittedAt": ms(AN_HOUR_AGO) + n, "values": values, "pageUrl": "https://a.b/"} for n in range(60)
        ],
        marketing_events=[{"objectId": str(id_), "eventName": f"Webinar {id_}", "eventType": "WEBINAR"} for id_ in range(1, 131)],
        participations=[make_participation(id_, "ATTENDED" if id_ % 2 else "NO_SHOW") for id_ in IDS],
    )


def make_client(sandbox: RunningServer, version: ApiVersion, **more: object) -> HubSpot:
    settings: dict[str, Any] = {
        "token": sandbox.token,
        "retry_policy": RetryPolicy(max_attempts=1),
        "limits": RateLimitSettings(search=10**6),
    } | more
    return connect(base_url=sandbox.base_url, api_version=version, **settings)


FAST_RETRY = SandboxConfig(index_lag_s=0, rate=10**6, search_rate=10**6)


@pytest.fixture(scope="module", params=get_args(ApiVersion))
def version(request: pytest.FixtureRequest) -> ApiVersion:
    chosen: ApiVersion = request.param
    return chosen


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningServer]:
    with run_in_thread(make_portal_data(), FAST_RETRY) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def hubspot(sandbox: RunningServer, version: ApiVersion) -> Iterator[HubSpot]:
    with make_client(sandbox, version) as hubspot:
        yield hubspot


def test_the_account_has_an_id_and_a_remaining_quota(hubspot: HubSpot) -> None:
    details, usage = hubspot.account.read_details(), hubspot.account.read_daily_usage()

    assert (details.portal_id, details.time_zone) == (4_242, "Europe/Berlin")
    assert usage is not None
    assert usage.limit == 1_000_000
    assert usage.used > 0
    assert usage.resets_at == hubspot.transport.rate_limiter.quota.next_reset()


def test_every_contact_is_in_the_pages_once(hubspot: HubSpot) -> None:
    seen, after, pages = [], 0, 0
    while True:
        page = hubspot.contacts.list_from_id(after, ["email"])
        seen += [contact.id for contact in page.items]
        pages += 1
        if page.next is None:
            break
        after = page.next

    assert seen == IDS
    assert pages == 3


@pytest.mark.parametrize("start", [1, 299, 300, 301, 691])
def test_a_page_starts_at_any_id(hubspot: HubSpot, start: int) -> None:
    page = hubspot.contacts.list_from_id(start, ["email"])

    beyond = [id_ for id_ in IDS if id_ > start][:99]
    assert [contact.id for contact in page.items if contact.id > start][:99] == beyond


def test_many_properties_can_be_requested(hubspot: HubSpot) -> None:
    names = ["firstname", *[f"a_property_that_is_not_there_{number:04}" for number in range(700)]]

    page = hubspot.contacts.list_from_id(0, names)
    changed = hubspot.contacts.search_modified(LONG_AGO, 0, names)

    assert [contact.id for contact in page.items] == IDS[:100]
    assert {contact.properties["firstname"] for contact in page.items} == {"Ana"}
    assert [contact.id for contact in changed.items] == IDS[:200]


def test_changed_contacts_are_read_by_id_inside_a_time_window(hubspot: HubSpot) -> None:
    first = hubspot.contacts.search_modified(LONG_AGO, 0, ["email"])
    second = hubspot.contacts.search_modified(LONG_AGO, first.next or 0, ["email"])
    narrow = hubspot.contacts.search_modified(LONG_AGO + timedelta(seconds=6), 0, [], until=LONG_AGO + timedelta(seconds=12))

    assert [contact.id for contact in (*first.items, *second.items)] == IDS
    assert second.next is None
    assert [contact.id for contact in narrow.items] == [6, 9]


def test_the_id_range_is_read(hubspot: HubSpot) -> None:
    assert hubspot.contacts.read_id_range() == IdRange(total=len(IDS), highest_id=IDS[-1], lowest_id=IDS[0])


def test_contacts_are_read_by_id(hubspot: HubSpot) -> None:
    found = hubspot.contacts.read([3, 4, 6], ["email"])

    assert {contact.id for contact in found.items} == {3, 6}
    assert found.missing == {4}


def test_companies_and_deals_are_read(hubspot: HubSpot) -> None:
    assert hubspot.companies.list_from_id(0, ["domain"]).items[0].properties["domain"] == "acme.example"
    assert {company.id for company in hubspot.companies.read([9_001], ["name"]).items} == {9_001}
    assert [company.id for company in hubspot.companies.search_modified(LONG_AGO, 0, []).items] == [9_001]
    assert [(deal.id, deal.contact_ids) for deal in hubspot.deals.list_from_id(0, ["dealname"]).items] == [(501, (3, 6)), (502, ())]
    assert [(deal.id, deal.contact_ids) for deal in hubspot.deals.search_modified(LONG_AGO, 0, []).items] == [(501, (3, 6)), (502, ())]


def test_email_events_are_paged_newest_first_with_both_ends(hubspot: HubSpot) -> None:
    end = AN_HOUR_AGO + timedelta(milliseconds=3)
    first = hubspot.email_events.read_page("CLICK", AN_HOUR_AGO, end, limit=3)
    second = hubspot.email_events.read_page("CLICK", AN_HOUR_AGO, end, first.next, limit=3)

    assert [event.id.partition(":")[0] for event in (*first.items, *second.items)] == ["c-3", "c-2", "c-1", "c-0"]
    assert second.next is None
    assert {event.email for event in first.items} == {"person-3@example.com"}
    assert hubspot.email_events.read_page("OPEN", LONG_AGO, NOW).items == ()


def test_occurrences_are_paged_oldest_first(hubspot: HubSpot) -> None:
    first = hubspot.event_occurrences.read_page("e_visited_page", AN_HOUR_AGO - timedelta(seconds=1), NOW, limit=3)
    second = hubspot.event_occurrences.read_page("e_visited_page", AN_HOUR_AGO - timedelta(seconds=1), NOW, first.next, limit=3)

    assert [event.id for event in (*first.items, *second.items)] == [f"v-{n}" for n in range(5)]
    assert {event.kind for event in first.items} == {"page_view"}
    assert hubspot.event_occurrences.is_available()
    assert "e_visited_page" in hubspot.event_occurrences.list_types()


def test_submissions_are_paged_newest_first(hubspot: HubSpot) -> None:
    (form,) = hubspot.forms.list_all()
    first = hubspot.forms.read_submissions(form.id)
    second = hubspot.forms.read_submissions(form.id, first.next)

    assert (form.id, form.name) == ("form-1", "Demo")
    assert (len(first.items), len(second.items), second.next) == (50, 10, None)
    assert len({event.id for event in (*first.items, *second.items)}) == 60
    assert first.items[0].at > second.items[-1].at


def test_definitions_and_stages_are_read(hubspot: HubSpot) -> None:
    properties = hubspot.properties.list_all()

    assert properties["email"].type == "string"
    assert properties["hs_object_id"].read_only
    stages = [stage.value for stage in sorted(properties["lifecyclestage"].options, key=lambda option: option.order)]
    assert stages.index("lead") < stages.index("marketingqualifiedlead") < stages.index("customer")


# Tests that write, each in a new portal.


@pytest.fixture
def portal() -> Iterator[RunningServer]:
    with run_in_thread(make_portal_data(), FAST_RETRY) as sandbox:
        yield sandbox


def create_properties(hubspot: HubSpot) -> None:
    hubspot.properties.create_group("contacts", PropertyGroup(name="lead_scoring", label="Lead scoring"))
    for definition in (SCORE, BAND):
        hubspot.properties.create("contacts", definition)


def test_group_and_properties_are_created_once_and_repaired(portal: RunningServer, version: ApiVersion) -> None:
    with make_client(portal, version) as hubspot:
        for _ in range(2):
            create_properties(hubspot)
        repaired = replace(BAND, label="Band", options=(*BAND.options, PropertyOption(value="warm", label="Warm", order=2)))
        hubspot.properties.update("contacts", repaired)

        found = hubspot.properties.list_all()
        assert hubspot.properties.list_groups()["lead_scoring"].label == "Lead scoring"
        assert hubspot.properties.update_group("contacts", PropertyGroup(name="lead_scoring", label="Lead-Scoring")).label == "Lead-Scoring"
        assert hubspot.properties.list_groups()["lead_scoring"].label == "Lead-Scoring"
        assert found["lead_score"].type == "number"
        assert (found["lead_score_band"].label, len(found["lead_score_band"].options)) == ("Band", 3)
        assert hubspot.properties.create("contacts", SCORE).name == "lead_score"


def test_values_are_written_and_each_id_has_a_result(portal: RunningServer, version: ApiVersion) -> None:
    with make_client(portal, version) as hubspot:
        create_properties(hubspot)
        values = {3: "hot", 6: "cold", 9: "lukewarm", 12: "hot", 4: "hot"}
        merged = merge_contacts(portal, 15, 18)

        written = hubspot.contacts.write(
            [ContactUpdate(id=id_, properties={"lead_score_band": band}) for id_, band in {**values, 15: "hot", 18: "hot"}.items()]
        )

        assert {id_: ack.properties["lead_score_band"] for id_, ack in written.acknowledged.items()} == {
            3: "hot",
            6: "cold",
            12: "hot",
        }
        assert {id_: [*causes] for id_, causes in written.rejected.items()} == {9: ["lead_score_band"]}
        assert "INVALID_OPTION" in written.rejected[9]["lead_score_band"].reason
        assert written.deleted == {4}
        assert written.merged_into == {15: merged, 18: merged}
        assert hubspot.contacts.write([ContactUpdate(id=3, properties={"lead_score_band": ""})]).acknowledged.keys() == {3}


def test_a_stage_never_moves_backward(portal: RunningServer, version: ApiVersion) -> None:
    with make_client(portal, version) as hubspot:
        hubspot.contacts.write([ContactUpdate(id=3, properties={"lifecyclestage": "customer"})])
        written = hubspot.contacts.write([ContactUpdate(id=3, properties={"lifecyclestage": "lead"})])

        assert written.acknowledged[3].properties == {"lifecyclestage": "customer"}


def test_a_missing_property_stops_the_write(portal: RunningServer, version: ApiVersion) -> None:
    with make_client(portal, version) as hubspot, pytest.raises(BadRequest, match="lead_score: PROPERTY_DOESNT_EXIST"):
        hubspot.contacts.write([ContactUpdate(id=3, properties={"lead_score": "7"})])


def merge_contacts(portal: RunningServer, primary: int, other: int) -> int:
    """Merge two contacts as a user of HubSpot would; return the new id."""
    body = {"primaryObjectId": str(primary), "objectIdToMerge": str(other)}
    reply = requests.post(
        f"{portal.base_url}/crm/v3/objects/contacts/merge", json=body, headers={"Authorization": f"Bearer {portal.token}"}, timeout=10
    )
    return int(reply.json()["id"])


@pytest.mark.parametrize("reading", ["survivor", "dropped"])
def test_merged_contacts_resolve_to_the_survivor(version: ApiVersion, reading: Literal["survivor", "dropped"]) -> None:
    options = replace(FAST_RETRY, switches=Switches(batch_read_merged=reading))
    with run_in_thread(make_portal_data(), options) as portal, make_client(portal, version) as hubspot:
        survivor = merge_contacts(portal, 3, 6)

        found = hubspot.contacts.read([3, 6, 9], ["email"])

        assert {*found.merged_into, *found.missing} == {3, 6}
        assert found.merged_into == ({3: survivor, 6: survivor} if reading == "survivor" else {})
        assert survivor in {contact.id for contact in hubspot.contacts.list_from_id(IDS[-1], []).items}
        assert hubspot.contacts.read([3, 6], (), archived=True).items == ()


def test_deleted_contacts_are_found_as_archived(portal: RunningServer, version: ApiVersion) -> None:
    requests.delete(f"{portal.base_url}/crm/v3/objects/contacts/3", headers={"Authorization": f"Bearer {portal.token}"}, timeout=10)
    with make_client(portal, version) as hubspot:
        (gone,) = hubspot.contacts.read([3], (), archived=True).items

        assert (gone.id, gone.archived) == (3, True)


def test_a_list_is_created_found_and_filled(portal: RunningServer, version: ApiVersion) -> None:
    with make_client(portal, version) as hubspot:
        made = hubspot.lists.create("MQL · direct")
        again = hubspot.lists.create("MQL · direct")
        filled = hubspot.lists.change_members(made.id, add=[*IDS, 4])
        changed = hubspot.lists.change_members(made.id, add=[3], remove=[6, 9])

        assert made.id == again.id
        assert not made.is_dynamic
        assert filled.added == set(IDS)
        assert filled.missing == {4}
        assert (changed.added, changed.removed) == (frozenset(), {6, 9})
        first = hubspot.lists.read_members(made.id, limit=200)
        second = hubspot.lists.read_members(made.id, first.next, limit=200)
        assert sorted((*first.items, *second.items)) == sorted(set(IDS) - {6, 9})
        found = hubspot.lists.find_by_name("mql · DIRECT")
        assert found is not None
        assert found.id == made.id
        assert hubspot.lists.get(made.id) is not None
        assert hubspot.lists.rename(made.id, "MQL · direkt").name == "MQL · direkt"
        assert hubspot.lists.find_by_name("MQL · direct") is None
        assert hubspot.lists.find_by_name("no such list") is None
        with pytest.raises(NotFound):
            hubspot.lists.change_members("999999", add=[3])


# Tokens, plans, limits.


def test_a_wrong_token_is_unauthorized(sandbox: RunningServer, version: ApiVersion) -> None:
    with make_client(sandbox, version, token="pat-na1-wrong") as hubspot, pytest.raises(Unauthorized):
        hubspot.account.read_details()


def test_a_missing_scope_is_named(version: ApiVersion) -> None:
    options = replace(FAST_RETRY, scopes=frozenset({"crm.objects.companies.read"}))
    with run_in_thread(make_portal_data(), options) as sandbox, make_client(sandbox, version) as hubspot:
        assert hubspot.companies.list_from_id(0, []).items
        with pytest.raises(Forbidden, match=r"crm\.objects\.contacts\.read"):
            hubspot.contacts.list_from_id(0, [])


def test_a_small_plan_shows_no_occurrences(version: ApiVersion) -> None:
    with run_in_thread(make_portal_data(), replace(FAST_RETRY, tier="starter")) as sandbox, make_client(sandbox, version) as hubspot:
        assert not hubspot.event_occurrences.is_available()


def test_the_limit_is_read_from_headers_and_respected(version: ApiVersion) -> None:
    with (
        run_in_thread(make_portal_data(), SandboxConfig(tier="professional", search_rate=10**6)) as sandbox,
        make_client(sandbox, version) as hubspot,
    ):
        for _ in range(150):  # more than the 100 from which it starts
            hubspot.contacts.list_from_id(0, ["email"], limit=1)

        assert hubspot.transport.rate_limiter.limiter(Budget.BURST).window.limit == 190
        assert hubspot.metrics.snapshot().rate_limited == 0


def test_webinar_attendance_is_read_page_by_page(hubspot: HubSpot) -> None:
    webinars = hubspot.marketing_events.list_webinars()
    attended, after, pages = list[int](), None, 0
    while pages == 0 or after is not None:
        page = hubspot.marketing_events.read_attendances(webinars[6], after)
        attended, after, pages = [*attended, *(event.contact_id or 0 for event in page.items)], page.next, pages + 1

    assert [webinar.id for webinar in webinars] == [str(id_) for id_ in range(1, 131)]
    assert (webinars[6].attendee_count, webinars[7].attendee_count) == (115, 0)
    assert (sorted(attended), pages) == ([id_ for id_ in IDS if id_ % 2], 2)
