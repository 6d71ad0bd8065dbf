"""Clicks of security scanners, which click links before the recipient reads the email."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from sync_worker.sandbox.generator.companies import ScannerType
from sync_worker.sandbox.generator.seeded_random import draw_int, pick
from sync_worker.sandbox.generator.timestamps import MINUTE_MS, SECOND_MS
from sync_worker.sandbox.generator.vocabulary.website import SITE_URL

_LINK_PATHS: Final = ("/product", "/pricing", "/webinars/next", "/customers", "/resources/guide-to-lead-scoring.pdf")
_BROWSER_USER_AGENT: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/109.0.0.0 Safari/537.36"
)
_CRAWLER_USER_AGENTS: Final = (
    "Mozilla/5.0 (compatible; BarracudaSentinel/2.0)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mimecast URL Protect Bot/1.0",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """A click in an email at a time in epoch milliseconds; HubSpot marks `is_filtered` ones as bot clicks."""

    at: int
    url: str
    user_agent: str
    is_filtered: bool = False


def scanner_clicks(scanner: ScannerType, sent_at: int, campaign_name: str, rng: Random, now: int) -> list[Click]:
    """Return the clicks of a scanner: within two seconds, all at once, with a crawler's user agent, or filtered by HubSpot."""
    if scanner == "none":
        return []
    links = _LINK_PATHS if scanner == "burst" else _LINK_PATHS[: draw_int(rng, 1, 3)]
    start, step = _click_timing(scanner, sent_at, rng)
    agent = pick(rng, _CRAWLER_USER_AGENTS) if scanner == "crawler" else _BROWSER_USER_AGENT
    return [
        Click(
            at=min(start + step * i, now),
            url=f"{SITE_URL}{link}?utm_campaign={campaign_name}&utm_medium=email",
            user_agent=agent,
            is_filtered=scanner == "flagged",
        )
        for i, link in enumerate(links)
    ]


def _click_timing(scanner: ScannerType, sent_at: int, rng: Random) -> tuple[int, int]:
    if scanner == "fast":
        return sent_at + draw_int(rng, 300, 1400), 250
    return sent_at + draw_int(rng, 6, 90) * SECOND_MS, 150 if scanner == "burst" else MINUTE_MS
