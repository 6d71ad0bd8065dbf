"""Configuration of a sandbox portal: limits, tokens, scopes, switches."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from uuid import uuid4

from sync_worker.sandbox.base.portal_data import Tier

OAUTH_BURST_LIMIT = 110
BURST_LIMITS: dict[Tier, int] = {"starter": 100, "professional": 190, "enterprise": 190}  # requests per 10 s
DAILY_LIMITS: dict[Tier, int] = {"starter": 250_000, "professional": 625_000, "enterprise": 1_000_000}


def draw_token() -> str:
    """Return a new access token in HubSpot's format."""
    return f"pat-na1-{uuid4()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """Behavior that HubSpot's documentation leaves open; the defaults are the likelier interpretation (docs/sandbox.md, Switches)."""

    bump_on_equal_write: bool = False  # whether a write without a change moves lastmodifieddate
    backward_stage: Literal["ignored", "applied"] = "ignored"  # result of setting lifecyclestage to an earlier stage
    dated_batch_status: Literal[200, 207] = 200  # status of a partly failed batch on the 2026-09 paths; older paths return 207
    batch_read_merged: Literal["survivor", "dropped"] = "survivor"  # result of batch read for a merged-away id
    update_trace_ids: bool = True  # whether objectWriteTraceId saves the valid records of a batch update
    retry_after: bool = False  # whether a 429 carries Retry-After
    list_bumps_contact: bool = False  # whether joining or leaving a list moves lastmodifieddate
    search_body: Literal["whole", "conditions"] = "whole"  # whether property names count toward the 3,000 characters
    export_times: Literal["instant", "local"] = "instant"  # dates in an export: API format, or minutes in the portal's zone
    empty_cell: Literal["kept", "cleared"] = "kept"  # effect of an empty cell of an import on the value
    hidden_occurrences: Literal["forbidden", "empty"] = "forbidden"  # reply to a request for events below Enterprise
    bad_cell: Literal["row", "cell"] = "row"  # what an invalid value of an import blocks: its row, or only itself


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """An OAuth app with access to the portal, and its refresh token."""

    id: str = "sandbox-client"
    secret: str = "sandbox-secret"  # noqa: S105 -- valid only for a portal on loopback
    refresh_token: str = "sandbox-refresh"  # noqa: S105 -- the same
    scopes: frozenset[str] | None = None  # of its access tokens; None grants all


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """Options of the sandbox server; None selects the portal's own value or the default of its tier."""

    tier: Tier | None = None
    latency_ms: float = 0  # minimum duration of every response
    rate: int | None = None  # requests per 10 s
    daily: int | None = None  # requests per day, in the portal's time zone
    search_rate: int = 5  # searches per second
    token: str = field(default_factory=draw_token)
    hosts: frozenset[str] = frozenset()  # names of the server other than those of loopback
    scopes: frozenset[str] | None = None  # of the token; None grants all
    oauth: OAuthClient = field(default=OAuthClient())
    faults: Path | None = None  # a YAML file of fault rules, see faults/fault_config.py
    index_lag_s: float = 3.0  # maximum delay, in seconds, until search finds a change
    seed: int = 0  # seed of all random values: search lag, order of batch results, correlation ids
    switches: Switches = field(default=Switches())
