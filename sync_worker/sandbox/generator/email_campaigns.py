"""Marketing email of a generated portal: sends, opens, and clicks of people and security scanners."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.generator.people import HISTORY_DAYS, Person
from sync_worker.sandbox.generator.security_scanners import Click, scanner_clicks
from sync_worker.sandbox.generator.seeded_random import draw_exponential, draw_int, draw_uuid, pick
from sync_worker.sandbox.generator.timestamps import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, format_iso
from sync_worker.sandbox.generator.vocabulary.website import SITE_URL

_EMAIL_APP_ID: Final = 113
_CAMPAIGN_INTERVAL_DAYS: Final = 28
_LINK_PATHS: Final = (
    "/product",
    "/pricing",
    "/blog/what-is-a-good-lead",
    "/webinars/next",
    "/resources/guide-to-lead-scoring.pdf",
    "/customers",
)
_USER_AGENTS: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A newsletter with its send time (epoch milliseconds)."""

    id: int
    name: str
    sent_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailSend:
    """One email to one person with its open and clicks; times in epoch milliseconds."""

    campaign: Campaign
    sent_at: int
    opened_at: int | None = None
    clicks: tuple[Click, ...] = ()


def generate_campaigns(now: int) -> list[Campaign]:
    """Return the newsletters within the recorded history, oldest first."""
    sent = sorted(now - days * DAY_MS for days in range(3, HISTORY_DAYS, _CAMPAIGN_INTERVAL_DAYS))
    return [Campaign(id=88_000_001 + number, name=f"newsletter-{format_iso(at)[:10]}", sent_at=at) for number, at in enumerate(sent)]


def generate_sends(person: Person, rng: Random, campaigns: list[Campaign], now: int) -> list[EmailSend]:
    """Return the emails to a person, oldest first, with opens and clicks; scanner clicks are not included."""
    if not person.email:
        return []
    return [
        _generate_send(person, rng, campaign, now)
        for campaign in campaigns
        if person.created_at < campaign.sent_at < person.email_until and rng.random() < person.engagement_level.campaign_share
    ]


def _generate_send(person: Person, rng: Random, campaign: Campaign, now: int) -> EmailSend:
    sent = campaign.sent_at + int(rng.random() * 30 * MINUTE_MS)
    interested = person.first_active - 2 * DAY_MS <= sent <= person.last_active
    opened = sent + 20 * SECOND_MS + int(draw_exponential(rng, 9) * HOUR_MS)
    if not interested or opened > now or rng.random() >= person.engagement_level.open_chance:
        return EmailSend(campaign=campaign, sent_at=sent)
    clicks: list[Click] = []
    if rng.random() < person.engagement_level.click_chance:
        at, agent = opened, pick(rng, _USER_AGENTS)
        for _ in range(draw_int(rng, 1, 3)):
            at = min(at + draw_int(rng, 8, 90) * SECOND_MS, now)
            clicks.append(
                Click(at=at, url=f"{SITE_URL}{pick(rng, _LINK_PATHS)}?utm_campaign={campaign.name}&utm_medium=email", user_agent=agent)
            )
    return EmailSend(campaign=campaign, sent_at=sent, opened_at=opened, clicks=tuple(clicks))


def email_event_rows(person: Person, rng: Random, sends: list[EmailSend], portal_id: int, now: int) -> Iterator[Row]:
    """Yield the email events (v1) of a person in HubSpot's JSON."""
    for send in sends:
        event, is_bounced = (
            _EmailEventBuilder(person, send, portal_id, draw_uuid(rng)),
            person.email_status == "bounce" and send is sends[-1],
        )
        yield event.event_row("SENT", event.id, send.sent_at, subject=f"News for {person.first_name.text}")
        if is_bounced:
            yield event.follow_up_row(
                "BOUNCE", draw_uuid(rng), send.sent_at + 4 * SECOND_MS, category="UNKNOWN_USER", response="550 5.1.1 user unknown"
            )
            continue
        yield event.follow_up_row("DELIVERED", draw_uuid(rng), send.sent_at + draw_int(rng, 100, 250))
        if send.opened_at:
            yield event.follow_up_row("OPEN", draw_uuid(rng), send.opened_at, userAgent=pick(rng, _USER_AGENTS))
        scanner = person.company.scanner if person.company else "none"
        for click in (*scanner_clicks(scanner, send.sent_at, send.campaign.name, rng, now), *send.clicks):
            yield from event.click_rows(click, rng)
    if person.email_status == "optout" and sends:
        yield _unsubscribe_row(person, sends[-1], portal_id, draw_uuid(rng))


class _EmailEventBuilder:
    """Builds the events of one sent email; later events reference the first one."""

    def __init__(self, person: Person, send: EmailSend, portal_id: int, event_id: str) -> None:
        self.id = event_id
        self._sent_by = {"id": event_id, "created": send.sent_at}
        self._common_fields = {
            "recipient": person.email,
            "portalId": portal_id,
            "appId": _EMAIL_APP_ID,
            "emailCampaignId": send.campaign.id,
        }

    def event_row(self, kind: str, event_id: str, at: int, **more: Any) -> Row:  # noqa: ANN401 — JSON values
        return {"id": event_id, "created": at, "type": kind, **self._common_fields, **more}

    def follow_up_row(self, kind: str, event_id: str, at: int, **more: Any) -> Row:  # noqa: ANN401 — JSON values
        return self.event_row(kind, event_id, at, sentBy=self._sent_by, **more)

    def click_rows(self, click: Click, rng: Random) -> Iterator[Row]:
        event_id = draw_uuid(rng)
        if rng.random() < 0.03:  # HubSpot records some clicks twice and replaces the first event
            successor = {"id": event_id, "created": click.at}
            yield self.follow_up_row(
                "CLICK", draw_uuid(rng), click.at - 1, url=click.url, userAgent=click.user_agent, obsoletedBy=successor
            )
        flagged = {"filteredEvent": True} if click.is_filtered else {}
        yield self.follow_up_row("CLICK", event_id, click.at, url=click.url, userAgent=click.user_agent, **flagged)


def _unsubscribe_row(person: Person, send: EmailSend, portal_id: int, event_id: str) -> Row:
    return {
        "id": event_id,
        "created": max(send.sent_at + HOUR_MS, min(person.email_until, send.sent_at + 6 * HOUR_MS)),
        "type": "STATUSCHANGE",
        "recipient": person.email,
        "portalId": portal_id,
        "source": "SOURCE_RECIPIENT",
        "requestedBy": person.email,
        "portalSubscriptionStatus": "UNSUBSCRIBED",
        "subscriptions": [{"id": 1, "status": "UNSUBSCRIBED"}],
    }
