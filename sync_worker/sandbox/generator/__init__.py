"""Generates a realistic, fictional portal; the same seed generates the same bytes."""

from __future__ import annotations

from datetime import datetime

from sync_worker.sandbox.base.portal_data import PortalData, Tier
from sync_worker.sandbox.base.timestamps import from_ms, to_ms
from sync_worker.sandbox.generator.form_submissions import FORMS
from sync_worker.sandbox.generator.portal import PORTAL_ID, Block, GeneratedRows, PortalSpec
from sync_worker.sandbox.generator.webinars import generate_webinars

__all__ = ["generate"]


def generate(*, contacts: int, seed: int, now: datetime, tier: Tier = "enterprise") -> PortalData:
    """Return a portal of fictional companies, contacts and events; rows are generated during iteration, each time again.

    Most contacts have no recent events, few have many; a good fit and high engagement make a deal more likely. No event is later
    than `now` (aware UTC). Page views, emails, submissions and webinars cover 540 days, contacts 5 years.
    """
    spec = PortalSpec(contact_count=contacts, seed=seed, now=to_ms(now))
    return PortalData(
        portal_id=PORTAL_ID,
        tier=tier,
        time_zone="Europe/Berlin",
        now=from_ms(spec.now),
        contacts=GeneratedRows(spec=spec, rows_of_block=Block.contacts),
        companies=GeneratedRows(spec=spec, rows_of_block=Block.companies),
        email_events=GeneratedRows(spec=spec, rows_of_block=Block.email_events),
        events=GeneratedRows(spec=spec, rows_of_block=Block.events),
        forms=[form.to_row() for form in FORMS],
        submissions=GeneratedRows(spec=spec, rows_of_block=Block.submissions),
        marketing_events=[webinar.to_row(spec.now) for webinar in generate_webinars(spec.now)],
        participations=GeneratedRows(spec=spec, rows_of_block=Block.participations),
        deals=GeneratedRows(spec=spec, rows_of_block=Block.deals),
        subscriptions=GeneratedRows(spec=spec, rows_of_block=Block.subscriptions),
    )
