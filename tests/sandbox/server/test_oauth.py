"""hubspot-api.md section 1: OAuth."""

from __future__ import annotations

import pytest

from sync_worker.sandbox.base.config import OAuthClient
from tests.sandbox.portal_factories import CONTACTS, PortalClient, make_contacts, make_portal, start_portal

GRANT = {
    "grant_type": "refresh_token",
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
    "refresh_token": "sandbox-refresh",
}
PATHS = ["/oauth/v1/token", "/oauth/v3/token", "/oauth/2026-03/token", "/oauth/2026-09/token"]


def get_access_token(served: PortalClient, path: str = PATHS[3]) -> str:
    reply = served.http.post(path, data=GRANT, headers={"Authorization": ""})
    assert (reply.status_code, reply.json()["expires_in"], reply.json()["token_type"]) == (200, 1_800, "bearer")
    token: str = reply.json()["access_token"]
    served.http.headers["Authorization"] = f"Bearer {token}"
    return token


@pytest.mark.parametrize("path", PATHS)
def test_a_refresh_token_returns_an_access_token_in_every_version(path: str) -> None:
    served = start_portal(make_portal(make_contacts(1)))
    get_access_token(served, path)
    assert served.get(CONTACTS).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "status"), [({"grant_type": "password"}, 400), ({"client_secret": "guess"}, 401), ({"refresh_token": "guess"}, 400)]
)
def test_wrong_credentials_get_no_token(wrong: dict[str, str], status: int) -> None:
    reply = start_portal(make_portal()).http.post(PATHS[0], data={**GRANT, **wrong})
    assert (reply.status_code, "access_token" in reply.json()) == (status, False)


def test_a_token_is_valid_for_30_minutes_of_the_portals_clock() -> None:
    served = start_portal(make_portal())
    get_access_token(served)
    served.clock.advance(1_799)
    assert served.get(CONTACTS).status_code == 200
    served.clock.advance(76)
    reply = served.get(CONTACTS)
    assert (reply.status_code, reply.json()["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert reply.json()["message"] == "The OAuth token used to make this call expired 75 second(s) ago."
    assert reply.json()["context"] == {"expire time": ["2026-11-20T12:30:00Z"]}


def test_a_malformed_token_expired_in_1970() -> None:
    served = start_portal(make_portal())
    served.http.headers["Authorization"] = "Bearer <token>"
    assert served.get(CONTACTS).json()["context"] == {"expire time": ["1970-01-01T00:00:00Z"]}
    assert "day(s) ago" in served.get(CONTACTS).json()["message"]


def test_a_token_can_be_introspected_and_revoked() -> None:
    served = start_portal(make_portal())
    token = get_access_token(served)
    assert served.http.post(PATHS[3] + "/introspect", data={"token": token}).json()["active"] is True
    assert served.get(f"/oauth/v1/access-tokens/{token}").json()["hub_id"] == 42
    assert served.http.post(PATHS[3] + "/revoke", data={"token": token}).status_code == 204
    assert served.get(CONTACTS).status_code == 401
    assert served.http.post(PATHS[3] + "/introspect", data={"token": token}).json() == {"active": False}


def test_an_oauth_app_has_its_own_burst_limit_and_no_daily_limit() -> None:
    served = start_portal(make_portal(), rate=None, daily=1)
    served.get(CONTACTS)
    get_access_token(served)
    reply = served.get(CONTACTS)
    assert (reply.status_code, reply.headers["X-HubSpot-RateLimit-Max"]) == (200, "110")
    assert "X-HubSpot-RateLimit-Daily" not in reply.headers


def test_an_oauth_app_has_the_granted_scopes() -> None:
    served = start_portal(make_portal(), oauth=OAuthClient(scopes=frozenset({"crm.objects.contacts.read"})))
    get_access_token(served)
    assert (served.get(CONTACTS).status_code, served.get("/crm/v3/owners").status_code) == (200, 403)
