"""Channels: URLs of the library apprise, without their secrets in any message."""

from __future__ import annotations

import logging

import pytest
import responses
from pydantic import SecretStr

from sync_worker.errors import ConfigurationError, ExitCode
from sync_worker.sync.handoff.channels import Channel, open_channels

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#sales"
WEBHOOK = "jsons://crm:pass%2Fword@hooks.example.com/private-path"


def open_all(*urls: str) -> list[Channel]:
    return [*open_channels([SecretStr(url) for url in urls])]


def test_a_channel_is_known_by_scheme_and_number_and_shows_no_secret() -> None:
    urls = [
        SLACK,
        "mailtos://ada:pass@example.com?to=sales@example.com",
        SLACK.replace("#sales", "#all"),
        "tgram://123456789:abcdef_ghij/1/",
    ]
    assert [(channel.id, channel.kind) for channel in open_all(*urls)] == [
        ("slack", "channel 1 (slack://)"),
        ("mailtos", "channel 2 (mailtos://example.com)"),
        ("slack 2", "channel 3 (slack://)"),
        ("tgram", "channel 4 (tgram://)"),
    ]
    assert open_all() == []


@pytest.mark.parametrize("url", ["slack://secret-token", "nope://secret-token", "secret-token", "jsons://"])
def test_an_invalid_url_is_refused_with_its_position(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConfigurationError, match="SYNC_WORKER_HAND_OFF_CHANNELS: URL 2") as error:
        open_all(SLACK, url)
    assert error.value.exit_code == ExitCode.USAGE
    assert "secret" not in str(error.value) + caplog.text


@pytest.mark.parametrize("url", [f"{SLACK}/#all", "mailtos://ada:pass@example.com?to=sales@example.com,all@example.com"])
def test_a_url_with_several_targets_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"URL 1 \(\w+://\) has 2 targets") as error:
        open_all(url)
    assert "URL of its own" in str(error.value.hint)


def test_a_failure_has_a_reason_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    (channel,) = open_all(WEBHOOK)
    with responses.RequestsMock() as service:
        service.post("https://hooks.example.com/private-path", status=200)
        assert channel.send("Title", "Text") is None
        assert "Text" in str(service.calls[0].request.body)
        service.replace("POST", "https://hooks.example.com/private-path", status=404)
        reason = channel.send("Title", "Text")
        service.remove("POST", "https://hooks.example.com/private-path")
        no_connection = channel.send("Title", "Text")
    assert reason
    assert "404" in reason
    assert no_connection
    assert not any(secret in f"{reason} {no_connection} {caplog.text}" for secret in ("pass%2Fword", "pass/word", "private-path"))


@pytest.mark.parametrize(
    ("url", "endpoint", "reason"),
    [
        (f"pover://{'u' * 30}@{'a' * 30}", "https://api.pushover.net/1/messages.json", "*** at hooks.example.com"),
        ("jsons://hooks.example.com/private-path", "https://hooks.example.com/private-path", f"{'a' * 30} at hooks.example.com"),
    ],
)
def test_a_token_at_the_position_of_the_host_is_a_secret_and_a_host_is_not(url: str, endpoint: str, reason: str) -> None:
    def refuse(_request: object) -> tuple[int, dict[str, str], str]:
        logging.getLogger("apprise").warning("%s at hooks.example.com", "a" * 30)
        return 400, {}, "{}"

    (channel,) = open_all(url)
    with responses.RequestsMock() as service:
        service.add_callback("POST", endpoint, refuse)
        assert str(channel.send("Title", "Text")).startswith(reason)


def test_a_digest_that_is_too_long_for_a_service_is_split() -> None:
    (channel,) = open_all("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js")
    with responses.RequestsMock() as service:
        service.post("https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", status=204)
        assert channel.send("New MQLs: 50", "word " * 1_000) is None
        assert len(service.calls) == 3
