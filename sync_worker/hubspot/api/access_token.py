"""The scopes of the access token."""

from __future__ import annotations

from sync_worker.errors import BadRequest, Forbidden, NotFound
from sync_worker.hubspot.records.field_parsers import translate_parse_errors
from sync_worker.hubspot.rest.transport import Transport

PATH = "/oauth/v2/private-apps/get/access-token-info"


class AccessToken:
    """The token of the client. The SDK lacks this endpoint."""

    def __init__(self, transport: Transport, token: str) -> None:
        self._transport = transport
        self._token = token

    def read_scopes(self) -> frozenset[str] | None:
        """Return the scopes of the token, or None if HubSpot does not show them: it documents the call for private apps only."""
        try:
            data = self._transport.send("POST", PATH, body={"tokenKey": self._token})
        except (BadRequest, Forbidden, NotFound):
            return None
        with translate_parse_errors("read the scopes of the token"):
            return frozenset(str(scope) for scope in data["scopes"])
