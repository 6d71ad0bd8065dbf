"""A believable portal, made up: the same seed gives the same bytes."""

from __future__ import annotations

from datetime import datetime

from sync_worker.sandbox.base.portal_data import PortalData, Tier
from sync_worker.sandbox.base.timestamps import from_ms, to_ms
from sync_worker.sandbox.generator.form_submissions import FORMS
from sync_worker.sandbox.generator.portal import PORTAL_ID, Block, GeneratedRows, PortalSpec
from sync_worker.sandbox.generator.webinars import generate_webinars

__all__ = ["generate"]


def generate(*, contacts: int, seed: int, now: datetime, tier: Tier = "enterprise") -> PortalData:
    """Return a portal of made-up companies, people and what they did, made row by row when iterated, each time anew.

    Nobody in it exists. Most did nothing lately, few did a lot; those who fit and care are more likely to buy. Nothing
    happened later than `now`; page views, e-mails, submissions and webinars are of the 540 days before, contacts of five years.
    """
    world = PortalSpec(contact_count=contacts, seed=seed, now=to_ms(now))
    return PortalData(
        portal_id=PORTAL_ID,
        tier=tier,
        time_zone="Europe/Berlin",
        now=from_ms(world.now),
        contacts=GeneratedRows(spec=world, rows_of_block=Block.contacts),
        companies=GeneratedRows(spec=world, rows_of_block=Block.companies),
        email_events=GeneratedRows(spec=world, rows_of_block=Block.email_events),
        events=GeneratedRows(spec=world, rows_of_block=Block.events),
        forms=[form.to_row() for form in FORMS],
        submissions=GeneratedRows(spec=world, rows_of_block=Block.submissions),
        marketing_events=[webinar.to_row(world.now) for webinar in generate_webinars(world.now)],
        participations=GeneratedRows(spec=world, rows_of_block=Block.participations),
        deals=GeneratedRows(spec=world, rows_of_block=Block.deals),
    )
