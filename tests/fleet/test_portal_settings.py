"""The settings of a portal of the fleet: from its entry, for its runs, and for `fleet exec`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from sync_worker.errors import ConfigurationError
from sync_worker.fleet.database import FleetDatabase
from sync_worker.fleet.fleet_portal import FleetPortal
from sync_worker.fleet.portal_settings import build_environment, build_portal_settings, read_overrides
from sync_worker.settings import Settings, load_settings
from tests.harness import NOW

CHANNELS = ["json://one.example/key", "json://two.example/key"]


def test_channels_are_references_in_the_entry_and_urls_in_its_runs_and_commands(tmp_path: Path) -> None:
    file = tmp_path / "acme.yaml"
    references = []
    for number, url in enumerate(CHANNELS):
        (tmp_path / f"channel-{number}").write_text(f"{url}\n", encoding="utf-8")
        references.append(f"file:{tmp_path}/channel-{number}")
    (tmp_path / "token").write_text("pat-1", encoding="utf-8")
    file.write_text(f"hand_off_channels: {references}\nreevaluate_at: '03:30'\nui_hosts: [a.example, b.example]\n", encoding="utf-8")
    overrides = read_overrides(file)
    assert overrides["hand_off_channels"] == references
    entry = FleetPortal(
        name="acme", token=f"file:{tmp_path}/token", model="m.yaml", state_url="sqlite://", settings=overrides, next_run_at=NOW
    )
    with closing(FleetDatabase.connect("postgresql://fleet.example/fleet")) as database:
        settings = build_portal_settings(Settings(), entry, database)
    assert [channel.get_secret_value() for channel in settings.hand_off_channels] == CHANNELS
    assert load_settings(build_environment(settings)) == settings


def test_the_url_of_a_channel_in_an_entry_is_refused_without_an_echo(tmp_path: Path) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text(f"hand_off_channels: {CHANNELS}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="hand_off_channels: expected env:NAME") as caught:
        read_overrides(file)
    assert "key" not in str(caught.value)
