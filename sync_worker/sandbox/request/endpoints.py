"""The declaration of an endpoint: method, path, scopes, rate limit and handler. `api/routes.py` lists all endpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from starlette.responses import Response

from sync_worker.sandbox.request.request import ApiCall

Handler = Callable[[ApiCall], Response]
RateLimitKind = Literal["burst", "search", "exempt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One operation of one API, in all its versions.

    `{kind}` in a scope is replaced by the object type in the path.
    """

    api: str
    method: str
    path_suffix: str
    handler: Handler
    scopes: tuple[str, ...] = ()  # any one of them suffices; empty: no scope is needed
    requires_all_scopes: bool = False
    rate_limit: RateLimitKind = "burst"
    media_type: str = "application/json"  # of a request with a body; others get a 415
