"""Access tokens, their apps and scopes; hubspot-api.md section 1."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from sync_worker.sandbox.base.responses import ApiError
from sync_worker.sandbox.base.timestamps import EPOCH, format_iso, to_ms
from sync_worker.sandbox.crm.audit_log import ChangeSource

OAUTH_DOCS_URL = "https://developers.hubspot.com/docs/methods/auth/oauth-overview"
SCOPES_DOCS_URL = "https://developers.hubspot.com/scopes"
DAY_S = 86_400
_TOKEN_PATTERN = re.compile(r"[A-Za-z0-9._~+/=-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiApp:
    """A private app, service key or OAuth app that holds a token."""

    id: str
    scopes: frozenset[str] | None = None  # None grants all
    withdrawn: frozenset[str] = frozenset()
    is_oauth: bool = False
    expires_at: datetime | None = None  # expiry of its token; None: never

    @property
    def source(self) -> ChangeSource:
        """The source of a change by this app, for the property history."""
        return ChangeSource("INTEGRATION", self.id, f"{self.id} app")

    def has_scope(self, scope: str) -> bool:
        """Return whether the scope is granted and not withdrawn."""
        return scope not in self.withdrawn and (self.scopes is None or scope in self.scopes)

    def require_scopes(self, scopes: tuple[str, ...], *, require_all: bool = False) -> None:
        """Reject a call that needs one of the scopes, or all of them.

        Raises:
            ApiError: 403 MISSING_SCOPES.
        """
        missing = [scope for scope in scopes if not self.has_scope(scope)]
        if missing and (require_all or len(missing) == len(scopes)):
            raise scopes_error(missing)


class TokenRegistry:
    """The tokens that the portal accepts."""

    def __init__(self, apps: dict[str, ApiApp], clock: Callable[[], datetime]) -> None:
        self._apps = dict(apps)
        self._clock = clock
        self._withdrawn_scopes: frozenset[str] = frozenset()

    def authenticate(self, authorization: str | None) -> ApiApp:
        """Return the app of an Authorization header.

        Raises:
            ApiError: 401.
        """
        scheme, _, rest = (authorization or "").partition(" ")
        token = rest.strip()
        if scheme.lower() != "bearer" or not token:
            raise authentication_error()
        if not _TOKEN_PATTERN.fullmatch(token):
            raise token_expired_error(EPOCH, self._clock())
        app = self._apps.get(token)
        if app is None:
            raise authentication_error()
        if app.expires_at is not None and app.expires_at <= self._clock():
            raise token_expired_error(app.expires_at, self._clock())
        return replace(app, withdrawn=self._withdrawn_scopes) if self._withdrawn_scopes else app

    def grant(self, token: str, app: ApiApp) -> None:
        """Accept a token."""
        self._apps[token] = app

    def find_active_app(self, token: str) -> ApiApp | None:
        """Return the app of a valid token; None for an unknown or expired token."""
        app = self._apps.get(token)
        return app if app is not None and (app.expires_at is None or app.expires_at > self._clock()) else None

    def revoke(self, token: str | None = None) -> None:
        """Revoke a token; without an argument, all tokens."""
        if token is None:
            self._apps.clear()
        else:
            self._apps.pop(token, None)

    def withdraw_scope(self, scope: str) -> None:
        """Withdraw a scope from all apps."""
        self._withdrawn_scopes |= {scope}


def authentication_error() -> ApiError:
    """Return the 401 of a missing or unknown token."""
    message = "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at "
    return ApiError(401, message + OAUTH_DOCS_URL, "INVALID_AUTHENTICATION")


def token_expired_error(expires_at: datetime, now: datetime) -> ApiError:
    """Return the 401 of an expired token; HubSpot reports a malformed token as expired in 1970."""
    seconds = int((now - expires_at).total_seconds())
    ago = f"{seconds // DAY_S} day(s)" if seconds >= DAY_S else f"{seconds} second(s)"
    message = f"The OAuth token used to make this call expired {ago} ago."
    return ApiError(401, message, "EXPIRED_AUTHENTICATION", context={"expire time": [format_iso(to_ms(expires_at))]})


def scopes_error(scopes: list[str]) -> ApiError:
    """Return the 403 of a token without the scopes."""
    return ApiError(
        403,
        f"This app hasn't been granted all required scopes to make this call. Read more about required scopes here: {SCOPES_DOCS_URL}.",
        "MISSING_SCOPES",
        errors=[{"message": "One or more of the following scopes are required.", "context": {"requiredGranularScopes": scopes}}],
        links={"scopes": SCOPES_DOCS_URL},
    )
