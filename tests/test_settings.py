from __future__ import annotations

import re
from datetime import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sync_worker.errors import ConfigurationError, ExitCode
from sync_worker.settings import FIELD_BY_VARIABLE, Settings, load_settings

EXAMPLE = Path(__file__).parents[1] / "config"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder without config/worker.yaml."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load_error(environment: dict[str, str]) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as error:
        load_settings(environment)
    assert error.value.exit_code == ExitCode.USAGE
    assert error.value.hint
    return error.value


def write_config(folder: Path, content: str) -> dict[str, str]:
    path = folder / "worker.yaml"
    path.write_text(content, encoding="utf-8")
    return {"SYNC_WORKER_CONFIG": str(path)}


def test_unset_settings_have_their_defaults() -> None:
    settings = load_settings({})
    assert (settings.base_url, settings.api_version, settings.state_url) == (
        "https://api.hubapi.com",
        "2026-09",
        "sqlite:///sync_worker.db",
    )
    assert (settings.property_prefix, settings.overlap_minutes, settings.reevaluate_at) == ("lead", 10, time(2, 0))


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    config = write_config(tmp_path, "sync_every_minutes: 15\noverlap_minutes: 20\nreevaluate_at: '03:30'\n")
    settings = load_settings({**config, "SYNC_WORKER_OVERLAP_MINUTES": "30"})
    assert (settings.sync_every_minutes, settings.overlap_minutes, settings.reevaluate_at) == (15, 30, time(3, 30))


def test_an_empty_variable_is_ignored(tmp_path: Path) -> None:
    config = write_config(tmp_path, "overlap_minutes: 20\n")
    assert load_settings({**config, "SYNC_WORKER_OVERLAP_MINUTES": "", "HUBSPOT_ACCESS_TOKEN": ""}).overlap_minutes == 20


def test_the_file_at_the_default_path_is_read(empty_folder: Path) -> None:
    (empty_folder / "config").mkdir()
    (empty_folder / "config" / "worker.yaml").write_text("overlap_minutes: 7\n")
    assert load_settings({}).overlap_minutes == 7


@pytest.mark.parametrize("content", ["", "# nothing\n", "\n\n"])
def test_an_empty_file_sets_nothing(tmp_path: Path, content: str) -> None:
    assert load_settings(write_config(tmp_path, content)) == load_settings({})


def test_the_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_WORKER_OVERLAP_MINUTES", "17")
    assert load_settings().overlap_minutes == 17


def test_settings_are_immutable() -> None:
    with pytest.raises(ValidationError):
        load_settings({}).overlap_minutes = 5  # type: ignore[misc]


class TestRejected:
    """An invalid setting is named with its location and a hint."""

    @pytest.mark.parametrize(
        ("name", "closest"),
        [
            ("SYNC_WORKER_STATE_ULR", "SYNC_WORKER_STATE_URL"),
            ("SYNC_WORKER_OVERLAP_MINUTE", "SYNC_WORKER_OVERLAP_MINUTES"),
            ("HUBSPOT_ACCES_TOKEN", "HUBSPOT_ACCESS_TOKEN"),
        ],
    )
    def test_an_unknown_variable_with_the_closest_valid_name(self, name: str, closest: str) -> None:
        error = load_error({name: "x"})
        assert error.message == f"Environment: {name} is not a setting. Did you mean {closest}?"

    def test_variables_of_other_programs_are_ignored(self) -> None:
        assert load_settings({"HUBSPOT_PORTAL_NAME_OF_ANOTHER_PROGRAM": "x", "PATH": "/bin"}) == load_settings({})

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("a: 1\noverlap_minutse: 5\n", ":1: a is not a setting."),
            ("overlap_minutes: 5\n\noverlap_minutse: 5\n", ":3: overlap_minutse is not a setting. Did you mean overlap_minutes?"),
            ("access_token: x\n", ":1: the token must not be in a file."),
            ("- overlap_minutes\n", ":1: expected one `name: value` per line."),
            ("just words\n", ":1: expected one `name: value` per line."),
            ("overlap_minutes: [\n", "not YAML"),
            ("overlap_minutes: " + "[" * 1_000 + "]" * 1_000, "nested too deeply"),
            ("overlap_minutes: 5\noverlap_minutes: 6\n", "not YAML"),
        ],
    )
    def test_an_invalid_line_of_the_file_with_its_number(self, tmp_path: Path, content: str, message: str) -> None:
        error = load_error(write_config(tmp_path, content))
        assert str(tmp_path / "worker.yaml") in error.message
        assert message in error.message

    @pytest.mark.parametrize(
        ("environment", "message"),
        [
            ({"SYNC_WORKER_OVERLAP_MINUTES": "soon"}, "SYNC_WORKER_OVERLAP_MINUTES: expected a whole number from 0 to 1440, not 'soon'."),
            ({"SYNC_WORKER_OVERLAP_MINUTES": "-1"}, "SYNC_WORKER_OVERLAP_MINUTES: expected a whole number from 0 to 1440, not '-1'."),
            ({"SYNC_WORKER_MAX_NEW_MQLS": "few"}, "SYNC_WORKER_MAX_NEW_MQLS: expected a whole number of at least 0, not 'few'."),
            ({"SYNC_WORKER_MAX_CHANGED_SHARE": "2"}, "SYNC_WORKER_MAX_CHANGED_SHARE: expected a number above 0 and at most 1, not '2'."),
            ({"HUBSPOT_API_VERSION": "v1"}, "HUBSPOT_API_VERSION: expected v3 or 2026-09, not 'v1'."),
            ({"SYNC_WORKER_LOG_LEVEL": "loud"}, "SYNC_WORKER_LOG_LEVEL: expected debug, info, warning or error, not 'loud'."),
            ({"SYNC_WORKER_PROPERTY_PREFIX": "Lead Score"}, "SYNC_WORKER_PROPERTY_PREFIX: expected up to 40 lower-case letters"),
            ({"HUBSPOT_BASE_URL": "api.hubapi.com"}, "HUBSPOT_BASE_URL: 'api.hubapi.com' is not a URL"),
            ({"HUBSPOT_BASE_URL": "http://api.hubapi.com"}, "HUBSPOT_BASE_URL: http:// would send the token unencrypted"),
            ({"SYNC_WORKER_REEVALUATE_AT": "late"}, "SYNC_WORKER_REEVALUATE_AT: expected a time such as 02:00, not 'late'."),
        ],
    )
    def test_an_invalid_value_of_the_environment_with_its_variable(self, environment: dict[str, str], message: str) -> None:
        assert message in load_error(environment).message

    def test_an_invalid_value_of_the_file_with_its_path_and_key(self, tmp_path: Path) -> None:
        error = load_error(write_config(tmp_path, "overlap_minutes: soon\n"))
        assert error.message.startswith(f"{tmp_path / 'worker.yaml'}: overlap_minutes: ")

    def test_all_invalid_values_are_listed(self) -> None:
        message = load_error({"SYNC_WORKER_OVERLAP_MINUTES": "soon", "HUBSPOT_API_VERSION": "v1"}).message
        assert "SYNC_WORKER_OVERLAP_MINUTES" in message
        assert "HUBSPOT_API_VERSION" in message

    def test_a_missing_file(self, tmp_path: Path) -> None:
        assert "none.yaml does not exist" in load_error({"SYNC_WORKER_CONFIG": str(tmp_path / "none.yaml")}).message

    def test_a_binary_file(self, tmp_path: Path) -> None:
        (tmp_path / "worker.yaml").write_bytes(b"\xff\xfe\x00\x01")
        assert "cannot be read" in load_error({"SYNC_WORKER_CONFIG": str(tmp_path / "worker.yaml")}).message

    def test_a_folder_in_place_of_the_file(self, tmp_path: Path) -> None:
        # Docker creates one where the file of a mount is missing.
        assert "cannot be read: [Errno 21] Is a directory" in load_error({"SYNC_WORKER_CONFIG": str(tmp_path)}).message


class TestToken:
    """The token is never shown."""

    SECRET = f"pat-na1-{0x0123ABCD:08x}-{0x4567:x}"  # assembled here, so that no file contains a token

    def test_the_token_is_shown_only_on_explicit_request(self) -> None:
        settings = load_settings({"HUBSPOT_ACCESS_TOKEN": f" {self.SECRET}\n"})
        assert settings.token == self.SECRET
        assert self.SECRET not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"

    @pytest.mark.parametrize("environment", [{}, {"HUBSPOT_ACCESS_TOKEN": "  \n"}])
    def test_a_missing_token_is_reported_with_a_hint(self, environment: dict[str, str]) -> None:
        with pytest.raises(ConfigurationError, match="HUBSPOT_ACCESS_TOKEN is not set") as error:
            _ = load_settings(environment).token
        assert "sync-worker sandbox" in str(error.value.hint)

    def test_a_token_with_a_line_break_is_refused_without_being_shown(self) -> None:
        error = load_error({"HUBSPOT_ACCESS_TOKEN": f"{self.SECRET[:9]}\n{self.SECRET[9:]}"})
        assert "spaces or line breaks" in error.message
        assert self.SECRET[9:] not in str(error)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/", "http://localhost:1", "http://[::1]:80", "https://api.hubapi.com/"])
def test_a_url_with_tls_or_on_this_machine_is_accepted(url: str) -> None:
    assert load_settings({"HUBSPOT_BASE_URL": url}).base_url == url.rstrip("/")


@given(minutes=st.integers(0, 1440), in_flight=st.integers(1, 64), version=st.sampled_from(["v3", "2026-09"]))
def test_a_value_from_the_environment_equals_the_value_in_python(minutes: int, in_flight: int, version: str) -> None:
    environment = {
        "SYNC_WORKER_OVERLAP_MINUTES": str(minutes),
        "SYNC_WORKER_REQUESTS_IN_FLIGHT": str(in_flight),
        "HUBSPOT_API_VERSION": version,
    }
    plain = Settings.model_validate({"overlap_minutes": minutes, "requests_in_flight": in_flight, "api_version": version})
    assert load_settings(environment) == plain


def test_the_examples_name_all_settings_and_no_others() -> None:
    example = (EXAMPLE / "example.env").read_text()
    assert set(re.findall(r"^(?:# )?([A-Z_]+)=", example, re.MULTILINE)) == {*FIELD_BY_VARIABLE, "SYNC_WORKER_CONFIG"}
    written = (EXAMPLE / "worker.yaml").read_text()
    of_the_environment = {"access_token", "base_url", "api_version", "state_url", "model"}
    assert set(FIELD_BY_VARIABLE.values()) - of_the_environment <= set(re.findall(r"^# ([a-z_]+): ", written, re.MULTILINE))


def test_the_example_shows_the_defaults(tmp_path: Path) -> None:
    lines = [line.removeprefix("# ") for line in (EXAMPLE / "worker.yaml").read_text().splitlines() if line.startswith("# ")]
    values = [line for line in lines if line.partition(":")[0] in FIELD_BY_VARIABLE.values() and "default: " not in line]
    assert load_settings(write_config(tmp_path, "\n".join(values))) == load_settings({})


@pytest.mark.parametrize(
    "url", ["https://hc-ping.com:SECRETKEY/", "https://hc-ping.com:99999/x", "https://hc-ping.com/a b", "https://hc-ping.com/é"]
)
def test_an_address_that_cannot_be_called_is_refused_without_its_key(url: str) -> None:
    with pytest.raises(ConfigurationError, match="expected a URL such as") as error:
        load_settings({"SYNC_WORKER_PING_URL": url})
    assert url not in str(error.value)


def test_an_owner_id_needs_no_quotes(tmp_path: Path) -> None:
    (tmp_path / "worker.yaml").write_text("hand_off_owner: 12345\n")
    assert load_settings({"SYNC_WORKER_CONFIG": str(tmp_path / "worker.yaml")}).hand_off_owner == "12345"
