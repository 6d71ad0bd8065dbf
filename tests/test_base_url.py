from __future__ import annotations

import pytest

from sync_worker.base_url import is_loopback, validate_base_url


@pytest.mark.parametrize(
    "url", ["https://api.hubapi.com", "https://api.hubapi.com/", " http://127.0.0.1:8080 ", "http://[::1]:1", "http://localhost"]
)
def test_a_url_is_https_or_on_this_machine(url: str) -> None:
    assert validate_base_url(url) == url.strip().rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.hubapi.com",
        "ftp://api.hubapi.com",
        "https://",
        "https://api.hubapi.com/?x=1",
        "https://user:secret@api.hubapi.com",
        "http://api.hubapi.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
    ],
)
def test_any_other_url_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"is not a URL|password|use https") as caught:
        validate_base_url(url)

    assert "secret" not in str(caught.value)


def test_loopback_is_distinguished_from_similar_names() -> None:
    assert is_loopback("http://127.9.9.9:80")
    assert not is_loopback("http://128.0.0.1")
