"""Who may call, and what each token is granted; hubspot-api.md section 1."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from sync_worker.sandbox.base.responses import ReplyError
from sync_worker.sandbox.base.timestamps import iso
from sync_worker.sandbox.crm.audit_log import Source
from sync_worker.timestamps import EPOCH, to_ms

OAUTH_OVERVIEW = "https://developers.hubspot.com/docs/methods/auth/oauth-overview"
SCOPES_PAGE = "https://developers.hubspot.com/scopes"
DAY_S = 86_400
_WELL_FORMED = re.compile(r"[A-Za-z0-9._~+/=-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A private app, service key or OAuth app that holds a token."""

    id: str
    scopes: frozenset[str] | None = None  # None: all
    withdrawn: frozenset[str] = frozenset()
    oauth: bool = False
    expires: datetime | None = None  # when its token does; None: never

    @property
    def source(self) -> Source:
        """What the history of a property says of this app."""
        return Source("INTEGRATION", self.id, f"{self.id} app")

    def has(self, scope: str) -> bool:
        """Tell whether a scope was granted and not withdrawn since."""
        return scope not in self.withdrawn and (self.scopes is None or scope in self.scopes)

    def require(self, scopes: tuple[str, ...], *, every: bool = False) -> None:
        """Refuse a call that needs one of the scopes, or every one of them.

        Raises:
            ReplyError: 403 MISSING_SCOPES.
        """
        missing = [scope for scope in scopes if not self.has(scope)]
        if missing and (every or len(missing) == len(scopes)):
            raise missing_scopes(missing)


class Tokens:
    """The tokens that the portal accepts."""

    def __init__(self, apps: dict[str, App], clock: Callable[[], datetime]) -> None:
        self._apps = dict(apps)
        self._clock = clock
        self._withdrawn: frozenset[str] = frozenset()

    def app(self, authorization: str | None) -> App:
        """Return the app of an Authorization header.

        Raises:
            ReplyError: 401.
        """
        scheme, _, rest = (authorization or "").partition(" ")
        token = rest.strip()
        if scheme.lower() != "bearer" or not token:
            raise not_authenticated()
        if not _WELL_FORMED.fullmatch(token):
            raise expired(EPOCH, self._clock())
        app = self._apps.get(token)
        if app is None:
            raise not_authenticated()
        if app.expires is not None and app.expires <= self._clock():
            raise expired(app.expires, self._clock())
        return replace(app, withdrawn=self._withdrawn) if self._withdrawn else app

    def grant(self, token: str, app: App) -> None:
        """Accept a token."""
        self._apps[token] = app

    def known(self, token: str) -> App | None:
        """Return the app of a token that works."""
        app = self._apps.get(token)
        return app if app is not None and (app.expires is None or app.expires > self._clock()) else None

    def revoke(self, token: str | None = None) -> None:
        """Stop accepting a token, or every token."""
        if token is None:
            self._apps.clear()
        else:
            self._apps.pop(token, None)

    def withdraw(self, scope: str) -> None:
        """Take a scope from every app."""
        self._withdrawn |= {scope}


def not_authenticated() -> ReplyError:
    """Return the 401 of a missing or unknown token."""
    told = "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at "
    return ReplyError(401, told + OAUTH_OVERVIEW, "INVALID_AUTHENTICATION")


def expired(expires: datetime, now: datetime) -> ReplyError:
    """Return the 401 of a token that has expired; a malformed one expired in 1970."""
    seconds = int((now - expires).total_seconds())
    ago = f"{seconds // DAY_S} day(s)" if seconds >= DAY_S else f"{seconds} second(s)"
    told = f"The OAuth token used to make this call expired {ago} ago."
    return ReplyError(401, told, "EXPIRED_AUTHENTICATION", context={"expire time": [iso(to_ms(expires))]})


def missing_scopes(scopes: list[str]) -> ReplyError:
    """Return the 403 of a token that was not granted the scopes."""
    return ReplyError(
        403,
        f"This app hasn't been granted all required scopes to make this call. Read more about required scopes here: {SCOPES_PAGE}.",
        "MISSING_SCOPES",
        errors=[{"message": "One or more of the following scopes are required.", "context": {"requiredGranularScopes": scopes}}],
        links={"scopes": SCOPES_PAGE},
    )
