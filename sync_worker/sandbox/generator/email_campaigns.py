"""Marketing e-mail: what was sent, opened and clicked, by people and by their scanners."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.generator.people import LOG_DAYS, Person
from sync_worker.sandbox.generator.security_scanners import Click, scanned
from sync_worker.sandbox.generator.seeded_random import between, pick, uuid, waiting
from sync_worker.sandbox.generator.timestamps import DAY, HOUR, MINUTE, SECOND, iso
from sync_worker.sandbox.generator.website import SITE

_APP_ID: Final = 113
_EVERY_DAYS: Final = 28
_LINKS: Final = (
    "/product",
    "/pricing",
    "/blog/what-is-a-good-lead",
    "/webinars/next",
    "/resources/guide-to-lead-scoring.pdf",
    "/customers",
)
_BROWSERS: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A newsletter that went out at a moment (epoch milliseconds)."""

    id: int
    name: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailing:
    """One e-mail to one person: when it was sent, what that person did with it."""

    campaign: Campaign
    sent: int
    opened: int | None = None
    clicks: tuple[Click, ...] = ()


def campaigns(now: int) -> list[Campaign]:
    """Return the newsletters of the time that was recorded, oldest first."""
    sent = sorted(now - days * DAY for days in range(3, LOG_DAYS, _EVERY_DAYS))
    return [Campaign(id=88_000_001 + number, name=f"newsletter-{iso(at)[:10]}", at=at) for number, at in enumerate(sent)]


def mailings(person: Person, rng: Random, sent: list[Campaign], now: int) -> list[Mailing]:
    """Return the e-mails that somebody got, oldest first, with what they did with them themselves."""
    if not person.email:
        return []
    return [
        _mailing(person, rng, campaign, now)
        for campaign in sent
        if person.created < campaign.at < person.mail_ends and rng.random() < person.heat.mailed
    ]


def _mailing(person: Person, rng: Random, campaign: Campaign, now: int) -> Mailing:
    sent = campaign.at + int(rng.random() * 30 * MINUTE)
    interested = person.first_active - 2 * DAY <= sent <= person.last_active
    opened = sent + 20 * SECOND + int(waiting(rng, 9) * HOUR)
    if not interested or opened > now or rng.random() >= person.heat.opened:
        return Mailing(campaign=campaign, sent=sent)
    clicks: list[Click] = []
    if rng.random() < person.heat.clicked:
        at, agent = opened, pick(rng, _BROWSERS)
        for _ in range(between(rng, 1, 3)):
            at = min(at + between(rng, 8, 90) * SECOND, now)
            clicks.append(Click(at=at, url=f"{SITE}{pick(rng, _LINKS)}?utm_campaign={campaign.name}&utm_medium=email", agent=agent))
    return Mailing(campaign=campaign, sent=sent, opened=opened, clicks=tuple(clicks))


def email_events(person: Person, rng: Random, received: list[Mailing], portal_id: int, now: int) -> Iterator[Row]:
    """Yield the e-mail events (v1) of the mailings that somebody got, as HubSpot shows them."""
    for mailing in received:
        sent, bounced = _Sent(person, mailing, portal_id, uuid(rng)), person.mail_end == "bounce" and mailing is received[-1]
        yield sent.event("SENT", sent.id, mailing.sent, subject=f"News for {person.first.text}")
        if bounced:
            yield sent.reaction("BOUNCE", uuid(rng), mailing.sent + 4 * SECOND, category="UNKNOWN_USER", response="550 5.1.1 user unknown")
            continue
        yield sent.reaction("DELIVERED", uuid(rng), mailing.sent + between(rng, 100, 250))
        if mailing.opened:
            yield sent.reaction("OPEN", uuid(rng), mailing.opened, userAgent=pick(rng, _BROWSERS))
        scanner = person.company.scanner if person.company else "none"
        for click in (*scanned(scanner, mailing.sent, mailing.campaign.name, rng, now), *mailing.clicks):
            yield from sent.clicked(click, rng)
    if person.mail_end == "optout" and received:
        yield _unsubscribed(person, received[-1], portal_id, uuid(rng))


class _Sent:
    """One e-mail that was sent, which the later events name."""

    def __init__(self, person: Person, mailing: Mailing, portal_id: int, event_id: str) -> None:
        self.id = event_id
        self._sent_by = {"id": event_id, "created": mailing.sent}
        self._about = {
            "recipient": person.email,
            "portalId": portal_id,
            "appId": _APP_ID,
            "emailCampaignId": mailing.campaign.id,
        }

    def event(self, kind: str, event_id: str, at: int, **more: Any) -> Row:  # noqa: ANN401 — JSON of HubSpot's shape
        return {"id": event_id, "created": at, "type": kind, **self._about, **more}

    def reaction(self, kind: str, event_id: str, at: int, **more: Any) -> Row:  # noqa: ANN401 — JSON of HubSpot's shape
        return self.event(kind, event_id, at, sentBy=self._sent_by, **more)

    def clicked(self, click: Click, rng: Random) -> Iterator[Row]:
        event_id = uuid(rng)
        if rng.random() < 0.03:  # HubSpot sees some clicks twice and replaces the first report
            successor = {"id": event_id, "created": click.at}
            yield self.reaction("CLICK", uuid(rng), click.at - 1, url=click.url, userAgent=click.agent, obsoletedBy=successor)
        flagged = {"filteredEvent": True} if click.flagged else {}
        yield self.reaction("CLICK", event_id, click.at, url=click.url, userAgent=click.agent, **flagged)


def _unsubscribed(person: Person, mailing: Mailing, portal_id: int, event_id: str) -> Row:
    return {
        "id": event_id,
        "created": max(mailing.sent + HOUR, min(person.mail_ends, mailing.sent + 6 * HOUR)),
        "type": "STATUSCHANGE",
        "recipient": person.email,
        "portalId": portal_id,
        "source": "SOURCE_RECIPIENT",
        "requestedBy": person.email,
        "portalSubscriptionStatus": "UNSUBSCRIBED",
        "subscriptions": [{"id": 1, "status": "UNSUBSCRIBED"}],
    }
