"""How a sandbox portal is to behave."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sync_worker.sandbox.base.portal_data import Tier

OAUTH_BURST_LIMIT = 110
BURST_LIMITS: dict[Tier, int] = {"starter": 100, "professional": 190, "enterprise": 190}  # requests per 10 s
DAILY_LIMITS: dict[Tier, int] = {"starter": 250_000, "professional": 625_000, "enterprise": 1_000_000}
SANDBOX_TOKEN = "pat-na1-sandbox"  # noqa: S105 -- opens nothing but a portal on loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """What HubSpot's documents leave open or contradict: one reading each, the more likely one by default."""

    bump_on_equal_write: bool = False  # lastmodifieddate moves when a write changes nothing
    backward_stage: Literal["ignored", "applied"] = "ignored"  # lifecyclestage set to an earlier stage
    dated_batch_status: Literal[200, 207] = 200  # partial failure of a batch on the 2026-09 paths; others say 207
    batch_read_merged: Literal["survivor", "dropped"] = "survivor"  # ids that were merged away, in batch read
    update_trace_ids: bool = True  # batch update with objectWriteTraceId writes the good ones; else one bad value fails all
    retry_after: bool = False  # 429 carries Retry-After
    list_bumps_contact: bool = False  # joining a list moves lastmodifieddate
    search_body: Literal["whole", "conditions"] = "whole"  # what may have 3,000 characters: all, or all but the property names
    export_times: Literal["instant", "local"] = "instant"  # dates in an export: as the API has them, or by the minute on the portal's clock
    empty_cell: Literal["kept", "cleared"] = "kept"  # what becomes of a value under an empty cell of an import
    bad_cell: Literal["row", "cell"] = "row"  # what a bad value of an import keeps back: its whole row, or itself


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """An OAuth app that the portal knows, and the refresh token that it holds."""

    id: str = "sandbox-client"
    secret: str = "sandbox-secret"  # noqa: S105 -- opens nothing but a portal on loopback
    refresh_token: str = "sandbox-refresh"  # noqa: S105 -- the same
    scopes: frozenset[str] | None = None  # of its access tokens; None grants all


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """How the sandbox serves a portal; None takes the portal's own value or that of its tier."""

    tier: Tier | None = None
    latency_ms: float = 0  # each reply comes at least this long after its request
    rate: int | None = None  # requests per 10 s
    daily: int | None = None  # requests a day of the portal's time zone
    search_rate: int = 5  # searches a second
    token: str = SANDBOX_TOKEN
    scopes: frozenset[str] | None = None  # of the token; None grants all
    oauth: OAuthClient = field(default=OAuthClient())
    faults: Path | None = None  # a YAML file of what is to go wrong, see fault_file.py
    index_lag_s: float = 3.0  # a change is found by search at a random moment within so many seconds
    seed: int = 0  # of everything that is random: lag, order of batch results, correlation ids
    switches: Switches = field(default=Switches())
