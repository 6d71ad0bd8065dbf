from __future__ import annotations

import pytest
import requests

from sync_worker.errors import ConfigurationError
from sync_worker.hubspot.client import connect
from sync_worker.hubspot.rest.session import Bearer, open_session, validate_token
from tests.hubspot.fakes import BASE_URL, FakeServer, json_response, make_client


@pytest.mark.parametrize("url", ["api.hubapi.com", "http://api.hubapi.com", "https://user:secret@api.hubapi.com"])
def test_an_invalid_base_url_is_rejected_with_a_hint(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"HUBSPOT_BASE_URL: .* https://api\.hubapi\.com") as caught:
        connect(token="pat-na1-sandbox", base_url=url)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("token", ["", "  ", "two words", "line\nbreak", "tökén", "tab\tbed"])
def test_a_malformed_token_is_rejected_without_being_shown(token: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        connect(token=token, base_url=BASE_URL)

    assert token.strip() not in str(caught.value) or not token.strip()


def test_whitespace_around_a_token_is_removed() -> None:
    assert validate_token(" pat-na1-sandbox\n") == "pat-na1-sandbox"


def test_the_token_is_sent_with_every_request_and_never_shown(server: FakeServer) -> None:
    server.respond("GET", "/account-info/v3/details", json_response({"portalId": 1, "timeZone": "UTC", "accountType": "STANDARD"}))
    with make_client() as hubspot:
        hubspot.account.read_details()

        assert server.headers[0]["Authorization"] == "Bearer pat-na1-sandbox"
        assert "pat-na1" not in repr(hubspot)
        assert "pat-na1" not in repr(Bearer("pat-na1-sandbox"))


def test_a_connection_has_an_identity_that_reveals_no_token() -> None:
    with make_client() as first, make_client() as same, connect(token="pat-na1-other", base_url=BASE_URL) as other:
        assert first.identity == same.identity != other.identity
        assert "pat" not in first.identity


def test_a_proxy_is_not_used_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    local, remote = (
        open_session("t", url, pool_size=1, reply_seconds=1).merge_environment_settings(url, {}, None, None, None)["proxies"]
        for url in ("https://127.0.0.1:1", "https://api.hubapi.com")
    )

    assert not local
    assert remote["https"] == "http://proxy.example:3128"


def test_queries_are_encoded_as_by_requests_with_plain_commas(server: FakeServer) -> None:
    query = [("after", "a+b/c=="), ("properties", "email,größe"), ("email", "x y@z.example")]
    server.respond("GET", "/account-info/v3/details", json_response({}))
    with make_client() as hubspot:
        hubspot.transport.get("/account-info/v3/details", query)

    expected = requests.Request("GET", server.urls[0].partition("?")[0], params=query).prepare().url
    assert server.urls == [(expected or "").replace("%2C", ",")]
