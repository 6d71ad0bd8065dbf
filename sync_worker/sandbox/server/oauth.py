"""OAuth: access tokens that last half an hour, for a refresh token; hubspot-api.md section 1."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sync_worker.sandbox.base.config import OAuthClient
from sync_worker.sandbox.base.responses import Json, JsonReply, NoContent, ReplyError
from sync_worker.sandbox.request.auth_tokens import App
from sync_worker.sandbox.server.middleware import Gate

LIFETIME_S = 1_800
TOKEN_PATHS = ("/oauth/v1/token", "/oauth/v3/token", "/oauth/2026-03/token", "/oauth/2026-09/token")
DATED_PATHS = ("/oauth/v3/token", "/oauth/2026-03/token", "/oauth/2026-09/token")


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth:
    """The token endpoints of a portal; they need no token and count to no budget."""

    gate: Gate
    client: OAuthClient

    def routes(self) -> list[BaseRoute]:
        """Return the routes of every version."""
        return [
            *(Route(path, self.token, methods=["POST"]) for path in TOKEN_PATHS),
            *(Route(f"{path}/introspect", self.introspect, methods=["POST"]) for path in DATED_PATHS),
            *(Route(f"{path}/revoke", self.revoke, methods=["POST"]) for path in DATED_PATHS),
            Route("/oauth/v1/access-tokens/{token}", self.about, methods=["GET"]),
        ]

    async def token(self, request: Request) -> Response:
        """Give an access token for the refresh token."""
        form = await _form(request)
        try:
            self._check(form)
        except ReplyError as error:
            return error.reply("oauth")
        access = f"sandbox-access-{self.gate.random.getrandbits(128):032x}"
        expires = self.gate.portal.clock() + timedelta(seconds=LIFETIME_S)
        self.gate.tokens.grant(access, App(id=self.client.id, scopes=self.client.scopes, oauth=True, expires=expires))
        return JsonReply(
            {"access_token": access, "refresh_token": self.client.refresh_token, "expires_in": LIFETIME_S, "token_type": "bearer"}
        )

    async def introspect(self, request: Request) -> Response:
        """Tell whether a token works."""
        return JsonReply(self._told((await _form(request)).get("token", "")))

    async def revoke(self, request: Request) -> Response:
        """Stop accepting a token."""
        self.gate.tokens.revoke((await _form(request)).get("token", ""))
        return NoContent()

    async def about(self, request: Request) -> Response:
        """Tell what a token is, as v1 did."""
        told = self._told(request.path_params["token"])
        return JsonReply(told) if told["active"] else ReplyError(404, "Token not found").reply("oauth")

    def _check(self, form: dict[str, str]) -> None:
        if form.get("grant_type") != "refresh_token":
            raise ReplyError(400, "missing or unknown grant_type", "BAD_GRANT_TYPE")
        if (form.get("client_id"), form.get("client_secret")) != (self.client.id, self.client.secret):
            raise ReplyError(401, "missing or invalid client id or secret", "BAD_CLIENT_ID")
        if form.get("refresh_token") != self.client.refresh_token:
            raise ReplyError(400, "missing or invalid refresh token", "BAD_REFRESH_TOKEN")

    def _told(self, token: str) -> Json:
        app = self.gate.tokens.known(token)
        if app is None:
            return {"active": False}
        left = None if app.expires is None else int((app.expires - self.gate.portal.clock()).total_seconds())
        return {"active": True, "token": token, "hub_id": self.gate.portal.id, "app_id": app.id, "expires_in": left, "token_type": "access"}


async def _form(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
