"""Who may call, and what each token is granted; hubspot-api.md section 1."""

from __future__ import annotations

from dataclasses import dataclass

from sync_worker.sandbox.history import Source
from sync_worker.sandbox.replies import ReplyError

OAUTH_OVERVIEW = "https://developers.hubspot.com/docs/methods/auth/oauth-overview"
SCOPES_PAGE = "https://developers.hubspot.com/scopes"


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A private app, service key or OAuth app that holds a token."""

    id: str
    scopes: frozenset[str] | None = None  # None: all
    oauth: bool = False

    @property
    def source(self) -> Source:
        """What the history of a property says of this app."""
        return Source("INTEGRATION", self.id, "sandbox app")

    def require(self, scopes: tuple[str, ...], *, every: bool = False) -> None:
        """Refuse a call that needs one of the scopes, or every one of them.

        Raises:
            ReplyError: 403 MISSING_SCOPES.
        """
        if self.scopes is None or not scopes:
            return
        missing = [scope for scope in scopes if scope not in self.scopes]
        if missing and (every or len(missing) == len(scopes)):
            raise missing_scopes(missing)


class Tokens:
    """The tokens that the portal accepts."""

    def __init__(self, apps: dict[str, App]) -> None:
        self._apps = dict(apps)

    def app(self, authorization: str | None) -> App:
        """Return the app of an Authorization header.

        Raises:
            ReplyError: 401.
        """
        scheme, _, token = (authorization or "").partition(" ")
        app = self._apps.get(token.strip()) if scheme.lower() == "bearer" else None
        if app is None:
            raise not_authenticated()
        return app

    def revoke(self, token: str) -> bool:
        """Stop accepting a token, and tell whether it was known."""
        return self._apps.pop(token, None) is not None

    def grant(self, token: str, app: App) -> None:
        """Accept a token."""
        self._apps[token] = app


def not_authenticated() -> ReplyError:
    """Return the 401 of a missing or unknown token."""
    told = "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at "
    return ReplyError(401, told + OAUTH_OVERVIEW, "INVALID_AUTHENTICATION")


def missing_scopes(scopes: list[str]) -> ReplyError:
    """Return the 403 of a token that was not granted the scopes."""
    return ReplyError(
        403,
        f"This app hasn't been granted all required scopes to make this call. Read more about required scopes here: {SCOPES_PAGE}.",
        "MISSING_SCOPES",
        errors=[{"message": "One or more of the following scopes are required.", "context": {"requiredGranularScopes": scopes}}],
        links={"scopes": SCOPES_PAGE},
    )
