"""Page views: visits of their own accord, from e-mail, and around forms."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.generator.email_campaigns import Mailing
from sync_worker.sandbox.generator.form_submissions import Conversion
from sync_worker.sandbox.generator.people import Person
from sync_worker.sandbox.generator.seeded_random import between, pick, uuid
from sync_worker.sandbox.generator.timestamps import MINUTE, SECOND, iso
from sync_worker.sandbox.generator.website import PAGES, SITE

_PAGES_A_VISIT: Final = (1, 1, 1, 2, 2, 3, 4, 6)
_ADVERT: Final = "utm_campaign=scoring-guide&utm_source=search&utm_medium=cpc"
_REFERRERS: Final = ("https://www.google.com/", "https://www.bing.com/", "https://www.linkedin.com/", "")


def page_views(person: Person, rng: Random, filled: list[Conversion], received: list[Mailing], now: int) -> Iterator[Row]:
    """Yield the page views of somebody as HubSpot's event occurrences, in no order."""
    for _ in range(between(rng, *person.heat.visits)):
        yield from _visit(person, rng, now)
    for conversion in filled:
        yield _view(person, rng, conversion.at - between(rng, 40, 200) * SECOND, SITE + conversion.form.path, conversion.form.name)
    for mailing in received:
        for click in mailing.clicks:
            path = click.url.removeprefix(SITE).partition("?")[0]
            title = PAGES[path].title if path in PAGES else "Webinar"
            yield _view(
                person, rng, min(click.at + 2 * SECOND, now), click.url, title, hs_utm_campaign=mailing.campaign.name, hs_utm_medium="email"
            )


def _visit(person: Person, rng: Random, now: int) -> Iterator[Row]:
    span = max(person.last_active - person.first_active - 10 * MINUTE, 0)
    at = person.first_active + int(rng.random() ** 0.6 * span)
    query = _ADVERT if rng.random() < 0.1 else ""
    referrer = pick(rng, _REFERRERS)
    for _ in range(pick(rng, _PAGES_A_VISIT)):
        page = pick(rng, person.kind.taste)
        joined = f"{page.path}{'&' if '?' in page.path else '?'}{query}" if query else page.path
        tags = {"hs_utm_campaign": "scoring-guide", "hs_utm_source": "search", "hs_utm_medium": "cpc"} if query else {}
        yield _view(person, rng, min(at, now), SITE + joined, page.title, **({"hs_referrer": referrer} if referrer else {}), **tags)
        at, query, referrer = at + between(rng, 15, 150) * SECOND, "", ""


def _view(person: Person, rng: Random, at: int, url: str, title: str, **more: str) -> Row:
    return {
        "id": uuid(rng),
        "eventType": "e_visited_page",
        "objectType": "CONTACT",
        "objectId": person.id,
        "occurredAt": iso(at),
        "properties": {"hs_url": url, "hs_title": title, **more},
    }
