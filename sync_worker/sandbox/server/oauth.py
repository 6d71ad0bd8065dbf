"""OAuth endpoints: access tokens that are valid for 30 minutes, in exchange for a refresh token; hubspot-api.md section 1."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sync_worker.sandbox.base.config import OAuthClient
from sync_worker.sandbox.base.responses import ApiError, Json, JsonResponse, NoContentResponse
from sync_worker.sandbox.request.auth_tokens import ApiApp
from sync_worker.sandbox.server.middleware import ApiGateway

TOKEN_LIFETIME_S = 1_800
TOKEN_PATHS = ("/oauth/v1/token", "/oauth/v3/token", "/oauth/2026-03/token", "/oauth/2026-09/token")
DATED_PATHS = ("/oauth/v3/token", "/oauth/2026-03/token", "/oauth/2026-09/token")


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthEndpoints:
    """The token endpoints of a portal; they need no token and have no rate limit."""

    gateway: ApiGateway
    client: OAuthClient

    def routes(self) -> list[BaseRoute]:
        """Return the routes of all versions."""
        return [
            *(Route(path, self.issue_token, methods=["POST"]) for path in TOKEN_PATHS),
            *(Route(f"{path}/introspect", self.introspect_token, methods=["POST"]) for path in DATED_PATHS),
            *(Route(f"{path}/revoke", self.revoke_token, methods=["POST"]) for path in DATED_PATHS),
            Route("/oauth/v1/access-tokens/{token}", self.describe_token, methods=["GET"]),
        ]

    async def issue_token(self, request: Request) -> Response:
        """Return an access token for a refresh token."""
        form = await _read_form(request)
        try:
            self._validate_grant(form)
        except ApiError as error:
            return error.to_response("oauth")
        access = f"sandbox-access-{self.gateway.random.getrandbits(128):032x}"
        expires = self.gateway.portal.clock() + timedelta(seconds=TOKEN_LIFETIME_S)
        self.gateway.tokens.grant(access, ApiApp(id=self.client.id, scopes=self.client.scopes, is_oauth=True, expires_at=expires))
        return JsonResponse(
            {"access_token": access, "refresh_token": self.client.refresh_token, "expires_in": TOKEN_LIFETIME_S, "token_type": "bearer"}
        )

    async def introspect_token(self, request: Request) -> Response:
        """Return whether a token is valid, with its details."""
        return JsonResponse(self._token_info((await _read_form(request)).get("token", "")))

    async def revoke_token(self, request: Request) -> Response:
        """Revoke a token."""
        self.gateway.tokens.revoke((await _read_form(request)).get("token", ""))
        return NoContentResponse()

    async def describe_token(self, request: Request) -> Response:
        """Return the details of a token, in the format of v1."""
        info = self._token_info(request.path_params["token"])
        return JsonResponse(info) if info["active"] else ApiError(404, "Token not found").to_response("oauth")

    def _validate_grant(self, form: dict[str, str]) -> None:
        if form.get("grant_type") != "refresh_token":
            raise ApiError(400, "missing or unknown grant_type", "BAD_GRANT_TYPE")
        if (form.get("client_id"), form.get("client_secret")) != (self.client.id, self.client.secret):
            raise ApiError(401, "missing or invalid client id or secret", "BAD_CLIENT_ID")
        if form.get("refresh_token") != self.client.refresh_token:
            raise ApiError(400, "missing or invalid refresh token", "BAD_REFRESH_TOKEN")

    def _token_info(self, token: str) -> Json:
        app = self.gateway.tokens.find_active_app(token)
        if app is None:
            return {"active": False}
        expires_in = None if app.expires_at is None else int((app.expires_at - self.gateway.portal.clock()).total_seconds())
        return {
            "active": True,
            "token": token,
            "hub_id": self.gateway.portal.id,
            "app_id": app.id,
            "expires_in": expires_in,
            "token_type": "access",
        }


async def _read_form(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
