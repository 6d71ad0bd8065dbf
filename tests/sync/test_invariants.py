"""What holds for any portal and whatever happens in it: after a calm run HubSpot shows exactly the verdicts."""

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
from tests.harness import DAY, NOW_MS, World, a_click, a_contact, a_submission, a_view, a_world, small_portal
from tests.sync.model_factories import outputs_of

EXAMPLES = settings().max_examples // 8  # each takes seconds
STAGES = [None, "subscriber", "lead", "marketingqualifiedlead", "opportunity", "customer"]
numbers = st.integers(1, 5)
whens = st.integers(0, 200 * DAY).map(lambda back: NOW_MS - back)


@st.composite
def portals(draw: st.DrawFn) -> PortalData:
    """Five contacts, two companies, a few events."""

    def person(number: int) -> dict[str, object]:
        chosen = {
            "associatedcompanyid": draw(st.sampled_from([None, "7", "8"])),
            "jobtitle": draw(st.sampled_from([None, "CTO", "Student"])),
            "lifecyclestage": draw(st.sampled_from(STAGES)),
            "hs_email_optout": draw(st.sampled_from([None, None, "true"])),
        }
        return a_contact(number, **{name: value for name, value in chosen.items() if value})

    address = numbers.map("p{}@example.com".format)
    clicks = draw(st.lists(st.tuples(address, whens), max_size=8))
    views = draw(st.lists(st.tuples(numbers, whens), max_size=12))
    sent = draw(st.lists(st.tuples(address, st.sampled_from(["news", "demo"]), whens), max_size=4))
    return small_portal(
        contacts=[person(number) for number in range(1, 6)],
        email_events=[a_click(place, *click) for place, click in enumerate(clicks)],
        events=[a_view(place, *view) for place, view in enumerate(views)],
        submissions=[a_submission(*each) for each in sent],
    )


@dataclass(frozen=True)
class Happening:
    """Something that somebody does to a contact, if it is still there."""

    name: str
    act: Callable[[World, int], object]
    number: int

    def __repr__(self) -> str:
        return f"{self.name} {self.number}"

    def befall(self, world: World) -> None:
        if world.portal.contacts.records.find_surviving_row(self.number) is not None:
            self.act(world, self.number)


def merged_with_the_next(world: World, number: int) -> None:
    survivor = world.portal.contacts.records.find_surviving_row
    if survivor(number % 5 + 1) not in (None, survivor(number)):
        world.merge(number, number % 5 + 1)


ACTS: dict[str, Callable[[World, int], object]] = {
    "click": lambda world, number: world.click(world.now_ms(), f"p{number}@example.com"),
    "demo": lambda world, number: world.submit(f"p{number}@example.com", "demo"),
    "view": lambda world, number: world.view(world.now_ms(), number),
    "score by hand": lambda world, number: world.edit(number, lead_score="77"),
    "stage by hand": lambda world, number: world.edit(number, lifecyclestage="opportunity"),
    "archive": lambda world, number: world.archive(number),
    "merge": merged_with_the_next,
    "sync": lambda world, _: world.sync(),
    "backfill": lambda world, _: world.backfill(),
}
happenings = st.sampled_from(sorted(ACTS)).flatmap(lambda name: numbers.map(lambda number: Happening(name, ACTS[name], number)))


def shows_its_verdicts(world: World) -> None:
    """Check that HubSpot shows exactly the verdicts: properties, and lists with nobody in them who does not belong there."""
    outputs, store = outputs_of(), database.open_store(world.state_url)
    with store.transaction() as tx:
        query = select(verdicts).join(contacts, contacts.c.id == verdicts.c.contact_id).where(~contacts.c.gone)
        judged = {row.contact_id: row for row in tx.execute(query)}
    store.close()
    records = world.portal.contacts.records
    assert judged.keys() == {records.ids[row] for row in records.iter_live_rows()}
    for number, row in judged.items():
        shown = orjson.loads(outputs.observed_json(dict(world.contact(number))))
        assert shown == orjson.loads(row.desired), number
    assert world.members("MQL") == [number for number, row in sorted(judged.items()) if row.mql]
    for band in outputs.band_names:
        assert world.members(f"Leads · {band}") == [number for number, row in sorted(judged.items()) if row.band == band]


@settings(max_examples=EXAMPLES)
@given(data=portals(), story=st.lists(happenings, max_size=7))
def test_after_a_calm_run_hubspot_shows_the_verdicts_and_nothing_is_left_to_plan(data: PortalData, story: list[Happening]) -> None:
    with TemporaryDirectory() as folder, a_world(Path(folder), data) as world:
        world.approve()
        world.backfill()
        for happening in story:
            world.later()
            happening.befall(world)
        world.later()
        world.sync()
        world.backfill()  # sees who was deleted
        shows_its_verdicts(world)
        plan = world.sync(dry_run=True).plan
        assert (plan.contacts, plan.lists, plan.stages) == (0, {}, 0)
        before = world.digest()
        world.backfill()
        assert world.digest() == before
