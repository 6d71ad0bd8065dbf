"""Invariant: after a run without concurrent changes, HubSpot shows exactly the verdicts, in every portal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from sync_worker.sandbox.base.portal_data import PortalData
from sync_worker.store import database
from sync_worker.store.schema import contacts, verdicts
from tests.harness import DAY, NOW_MS, Harness, make_click, make_contact, make_page_view, make_submission, small_portal, start_harness
from tests.sync.model_factories import make_crm_schema

EXAMPLES = settings().max_examples // 8  # each example takes seconds
STAGES = [None, "subscriber", "lead", "marketingqualifiedlead", "opportunity", "customer"]
contact_ids = st.integers(1, 5)
event_times = st.integers(0, 200 * DAY).map(lambda back: NOW_MS - back)


@st.composite
def portals(draw: st.DrawFn) -> PortalData:
    """Generate a portal with five contacts, two companies and a few events."""

    def contact(number: int) -> dict[str, object]:
        properties = {
            "associatedcompanyid": draw(st.sampled_from([None, "7", "8"])),
            "jobtitle": draw(st.sampled_from([None, "CTO", "Student"])),
            "lifecyclestage": draw(st.sampled_from(STAGES)),
            "hs_email_optout": draw(st.sampled_from([None, None, "true"])),
        }
        return make_contact(number, **{name: value for name, value in properties.items() if value})

    address = contact_ids.map("p{}@example.com".format)
    clicks = draw(st.lists(st.tuples(address, event_times), max_size=8))
    page_views = draw(st.lists(st.tuples(contact_ids, event_times), max_size=12))
    submissions = draw(st.lists(st.tuples(address, st.sampled_from(["news", "demo"]), event_times), max_size=4))
    return small_portal(
        contacts=[contact(number) for number in range(1, 6)],
        email_events=[make_click(index, *click) for index, click in enumerate(clicks)],
        events=[make_page_view(index, *view) for index, view in enumerate(page_views)],
        submissions=[make_submission(*each) for each in submissions],
    )


@dataclass(frozen=True)
class UserAction:
    """An action on a contact; it has no effect if the contact no longer exists."""

    name: str
    action: Callable[[Harness, int], object]
    number: int

    def __repr__(self) -> str:
        return f"{self.name} {self.number}"

    def apply(self, harness: Harness) -> None:
        if harness.portal.contacts.records.find_surviving_row(self.number) is not None:
            self.action(harness, self.number)


def merge_with_next(harness: Harness, number: int) -> None:
    survivor = harness.portal.contacts.records.find_surviving_row
    if survivor(number % 5 + 1) not in (None, survivor(number)):
        harness.merge_contacts(number, number % 5 + 1)


ACTIONS: dict[str, Callable[[Harness, int], object]] = {
    "click": lambda harness, number: harness.add_click(harness.now_ms(), f"p{number}@example.com"),
    "demo": lambda harness, number: harness.submit_form(f"p{number}@example.com", "demo"),
    "view": lambda harness, number: harness.add_page_view(harness.now_ms(), number),
    "score by hand": lambda harness, number: harness.edit_contact(number, lead_score="77"),
    "stage by hand": lambda harness, number: harness.edit_contact(number, lifecyclestage="opportunity"),
    "archive": lambda harness, number: harness.archive_contact(number),
    "merge": merge_with_next,
    "sync": lambda harness, _: harness.sync(),
    "backfill": lambda harness, _: harness.backfill(),
}
contact_actions = st.sampled_from(sorted(ACTIONS)).flatmap(
    lambda name: contact_ids.map(lambda number: UserAction(name, ACTIONS[name], number))
)


def assert_shows_verdicts(harness: Harness) -> None:
    """Assert that the properties and the list members in HubSpot equal the verdicts."""
    outputs, store = make_crm_schema(), database.open_store(harness.state_url)
    with store.transaction() as tx:
        query = select(verdicts).join(contacts, contacts.c.id == verdicts.c.contact_id).where(~contacts.c.gone)
        verdict_rows = {row.contact_id: row for row in tx.execute(query)}
    store.close()
    records = harness.portal.contacts.records
    assert verdict_rows.keys() == {records.ids[row] for row in records.iter_live_rows()}
    for number, row in verdict_rows.items():
        observed = orjson.loads(outputs.observed_json(dict(harness.contact(number))))
        assert observed == orjson.loads(row.desired), number
    assert harness.members("MQL") == [number for number, row in sorted(verdict_rows.items()) if row.mql]
    for band in outputs.band_names:
        assert harness.members(f"Leads · {band}") == [number for number, row in sorted(verdict_rows.items()) if row.band == band]


@settings(max_examples=EXAMPLES)
@given(data=portals(), actions=st.lists(contact_actions, max_size=7))
def test_after_a_run_hubspot_shows_the_verdicts_and_the_next_plan_is_empty(data: PortalData, actions: list[UserAction]) -> None:
    with TemporaryDirectory() as folder, start_harness(Path(folder), data) as harness:
        harness.approve_unseen()
        harness.backfill()
        for user_action in actions:
            harness.advance()
            user_action.apply(harness)
        harness.advance()
        harness.sync()
        harness.backfill()  # finds deleted contacts
        assert_shows_verdicts(harness)
        plan = harness.sync(dry_run=True).plan
        assert (plan.contacts, plan.lists, plan.stages) == (0, {}, 0)
        before = harness.digest()
        harness.backfill()
        assert harness.digest() == before
