"""Page views of a generated portal: visits, clicks in emails, form pages."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.generator.email_campaigns import EmailSend
from sync_worker.sandbox.generator.form_submissions import FormSubmission
from sync_worker.sandbox.generator.people import Person
from sync_worker.sandbox.generator.seeded_random import draw_int, draw_uuid, pick
from sync_worker.sandbox.generator.timestamps import MINUTE_MS, SECOND_MS, format_iso
from sync_worker.sandbox.generator.vocabulary.website import PAGES, SITE_URL

_PAGES_PER_VISIT: Final = (1, 1, 1, 2, 2, 3, 4, 6)
_AD_QUERY: Final = "utm_campaign=scoring-guide&utm_source=search&utm_medium=cpc"
_REFERRERS: Final = ("https://www.google.com/", "https://www.bing.com/", "https://www.linkedin.com/", "")


def page_view_rows(person: Person, rng: Random, submissions: list[FormSubmission], sends: list[EmailSend], now: int) -> Iterator[Row]:
    """Yield the page views of a person as HubSpot's event occurrences, unordered."""
    for _ in range(draw_int(rng, *person.engagement_level.visit_range)):
        yield from _visit_rows(person, rng, now)
    for submission in submissions:
        yield _page_view_row(
            person, rng, submission.at - draw_int(rng, 40, 200) * SECOND_MS, SITE_URL + submission.form.path, submission.form.name
        )
    for send in sends:
        for click in send.clicks:
            path = click.url.removeprefix(SITE_URL).partition("?")[0]
            title = PAGES[path].title if path in PAGES else "Webinar"
            yield _page_view_row(
                person,
                rng,
                min(click.at + 2 * SECOND_MS, now),
                click.url,
                title,
                hs_utm_campaign=send.campaign.name,
                hs_utm_medium="email",
            )


def _visit_rows(person: Person, rng: Random, now: int) -> Iterator[Row]:
    span = max(person.last_active - person.first_active - 10 * MINUTE_MS, 0)
    at = person.first_active + int(rng.random() ** 0.6 * span)
    query = _AD_QUERY if rng.random() < 0.1 else ""
    referrer = pick(rng, _REFERRERS)
    for _ in range(pick(rng, _PAGES_PER_VISIT)):
        page = pick(rng, person.persona.page_weights)
        joined = f"{page.path}{'&' if '?' in page.path else '?'}{query}" if query else page.path
        tags = {"hs_utm_campaign": "scoring-guide", "hs_utm_source": "search", "hs_utm_medium": "cpc"} if query else {}
        yield _page_view_row(
            person, rng, min(at, now), SITE_URL + joined, page.title, **({"hs_referrer": referrer} if referrer else {}), **tags
        )
        at, query, referrer = at + draw_int(rng, 15, 150) * SECOND_MS, "", ""


def _page_view_row(person: Person, rng: Random, at: int, url: str, title: str, **more: str) -> Row:
    return {
        "id": draw_uuid(rng),
        "eventType": "e_visited_page",
        "objectType": "CONTACT",
        "objectId": person.id,
        "occurredAt": format_iso(at),
        "properties": {"hs_url": url, "hs_title": title, **more},
    }
