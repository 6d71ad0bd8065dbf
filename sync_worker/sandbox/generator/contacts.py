"""Contact rows of generated people."""

from __future__ import annotations

from bisect import bisect
from random import Random
from typing import Final

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.generator.companies import Company
from sync_worker.sandbox.generator.engagement_level import INACTIVE
from sync_worker.sandbox.generator.people import Person
from sync_worker.sandbox.generator.seeded_random import expand_weights, pick
from sync_worker.sandbox.generator.timestamps import DAY_MS, MINUTE_MS, format_iso

_EMPLOYEE_RANGES: Final = ("1-5", "5-25", "25-50", "50-100", "100-500", "500-1000", "1000+")
_EMPLOYEE_BOUNDS: Final = (5, 25, 50, 100, 500, 1000)
_TRAFFIC_SOURCES: Final = expand_weights(
    [
        ("ORGANIC_SEARCH", 28),
        ("DIRECT_TRAFFIC", 20),
        ("PAID_SEARCH", 10),
        ("EMAIL_MARKETING", 8),
        ("SOCIAL_MEDIA", 8),
        ("PAID_SOCIAL", 5),
        ("REFERRALS", 9),
        ("OTHER_CAMPAIGNS", 4),
        ("OFFLINE", 8),
    ]
)
_LIFECYCLE_STAGES: Final = expand_weights([("lead", 60), ("subscriber", 28), ("", 7), ("other", 3), ("salesqualifiedlead", 2)])
_STAGES_BY_OUTCOME: Final = {
    "won": expand_weights([("customer", 95), ("evangelist", 5)]),
    "open": ("opportunity",),
    "lost": expand_weights([("opportunity", 40), ("lead", 45), ("other", 15)]),
}
_EMAIL_CONFIRMATIONS: Final = expand_weights(
    [
        ("Confirmed", 16),
        ("User clicked confirmation", 4),
        ("Confirmed from previous behavior", 5),
        ("Confirmed due to form", 3),
        ("Customer marked confirmed", 2),
        ("Confirmation Pending", 2),
        ("Confirmation Email Sent", 3),
        ("", 65),
    ]
)
_BOUNCE_REASONS: Final = expand_weights([("UNKNOWN_USER", 80), ("MAILBOX_FULL", 8), ("POLICY", 7), ("OTHER", 5)])


def contact_row(person: Person, rng: Random, now: int) -> Row:
    """Return the contact of a person; some properties are omitted at random, as in a real portal."""
    created = format_iso(person.created_at)
    updated = format_iso(_last_modified(person, rng, now))
    properties = {
        "email": person.email,
        "firstname": person.first_name.text,
        "lastname": person.last_name.text if rng.random() < 0.96 else "",
        "jobtitle": person.job_title,
        "city": person.city if rng.random() < 0.7 else "",
        "country": pick(rng, person.country.spellings) if rng.random() < 0.85 else "",
        "hs_language": person.country.hs_language,
        "phone": f"{person.country.phone_prefix} 555 {int(rng.random() * 1e7):07d}" if rng.random() < 0.35 else "",
        "lifecyclestage": _draw_stage(person, rng),
        "hs_analytics_source": pick(rng, _TRAFFIC_SOURCES),
        **(_company_properties(person.company, rng) if person.company else {}),
        **(_email_properties(person, rng) if person.email else {}),
        "createdate": created,
        "lastmodifieddate": updated,
    }
    return {
        "id": person.id,
        "properties": {name: value for name, value in properties.items() if value},
        "createdAt": created,
        "updatedAt": updated,
        "archived": False,
    }


def _last_modified(person: Person, rng: Random, now: int) -> int:
    last = max(person.last_active, person.deal.created_at if person.deal else 0)
    return (
        min(last + int(rng.random() ** 4 * 200 * DAY_MS), now - int(rng.random() * 90 * MINUTE_MS))
        if last < now - 2 * 60 * MINUTE_MS
        else last
    )


def _draw_stage(person: Person, rng: Random) -> str:
    if person.deal:
        return pick(rng, _STAGES_BY_OUTCOME[person.deal.outcome])
    if person.persona.has_managed_stage and rng.random() < person.engagement_level.mql_chance:
        return "marketingqualifiedlead"
    return pick(rng, _LIFECYCLE_STAGES)


def _company_properties(company: Company, rng: Random) -> dict[str, str]:
    is_complete = rng.random() < 0.6  # otherwise only the company record has these values
    return {
        "associatedcompanyid": str(company.id),
        "company": company.name,
        "website": company.domain,
        "industry": company.industry.label if is_complete else "",
        "numemployees": _EMPLOYEE_RANGES[bisect(_EMPLOYEE_BOUNDS, company.employees)] if is_complete else "",
        "annualrevenue": str(company.revenue) if is_complete and rng.random() < 0.5 else "",
    }


def _email_properties(person: Person, rng: Random) -> dict[str, str]:
    status = person.email_status
    return {
        "hs_additional_emails": person.email.replace("@", ".old@") if rng.random() < 0.015 else "",
        "hs_emailconfirmationstatus": "Confirmed"
        if person.engagement_level is not INACTIVE and rng.random() < 0.5
        else pick(rng, _EMAIL_CONFIRMATIONS),
        "hs_email_optout": "true" if status == "optout" else "",
        "hs_email_hard_bounce_reason_enum": pick(rng, _BOUNCE_REASONS) if status == "bounce" else "",
        "hs_marketable_status": "false" if status == "bounce" or rng.random() < 0.1 else "true",
    }
