from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from sync_worker import log

TOKEN = f"pat-na1-{0x0123ABCD:08x}-{0x4567:x}"  # assembled here, so that no file contains a token


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    log.configure(stream)
    yield stream
    structlog.reset_defaults()


class FakeTerminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_line_is_a_json_object_with_timestamp_and_run(log_lines: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(run="abc"):
        structlog.get_logger().info("run.finished", written=3)
    line = json.loads(log_lines.getvalue())
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "run.finished", "level": "info", "run": "abc", "written": 3}


RUN = {"command": "sync", "pulled": 1203, "written": 2, "new_mqls": 1, "rejected": 0, "seconds": 1.234, "requests": {"GET /x": 3}}


def log_on(stream: io.StringIO, event: str, *, method: str = "info", values: Mapping[str, Any], **options: Any) -> str:
    log.configure(stream, **options)
    getattr(structlog.get_logger(), method)(event, **values)
    structlog.reset_defaults()
    return stream.getvalue()


def test_on_a_terminal_a_run_is_one_short_line() -> None:
    line = log_on(FakeTerminal(), "run.finished", values=RUN)
    assert re.fullmatch(r"\d\d:\d\d:\d\d sync: 1,203 read, 2 written, 1 new MQL, 1\.2 s\n", line)


def test_on_a_terminal_a_failed_run_names_its_reason() -> None:
    line = log_on(FakeTerminal(), "run.finished", method="error", values={**RUN, "new_mqls": 0, "error": "HubSpot answered 502."})
    assert line.endswith("error: sync: 1,203 read, 2 written, 1.2 s; failed: HubSpot answered 502.\n")


def test_on_a_terminal_other_events_show_their_values_without_tokens() -> None:
    line = log_on(FakeTerminal(), "request.retried", method="warning", values={"seconds": 2, "reason": TOKEN})
    assert line.endswith("warning: request.retried: seconds 2, reason <token>\n")


@pytest.mark.parametrize(
    ("log_format", "terminal", "is_json"), [("auto", True, False), ("auto", False, True), ("json", True, True), ("text", False, False)]
)
def test_the_format_follows_the_terminal_unless_it_is_set(log_format: log.EventFormat, terminal: bool, is_json: bool) -> None:  # noqa: FBT001 -- cases
    line = log_on(FakeTerminal() if terminal else io.StringIO(), "run.finished", values=RUN, log_format=log_format)
    assert line.startswith("{") is is_json


def test_details_are_shown_at_the_level_debug() -> None:
    assert "GET /x" in log_on(FakeTerminal(), "run.finished", values=RUN, level=logging.DEBUG)


def test_events_can_be_omitted() -> None:
    assert log_on(io.StringIO(), "run.finished", values=RUN, omit={"run.finished"}) == ""


def test_standard_error_is_the_current_one_so_that_lines_appear_above_progress_bars(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    with contextlib.redirect_stderr(io.StringIO()) as redirected:
        structlog.get_logger().info("run.finished", **RUN)
    structlog.reset_defaults()
    assert "run.finished" in redirected.getvalue()
    assert capsys.readouterr().err == ""


def test_debug_lines_are_omitted(log_lines: io.StringIO) -> None:
    structlog.get_logger().debug("noise")
    assert log_lines.getvalue() == ""


@pytest.mark.parametrize("address", ["ana@example.com", "Ana.Maria+tag@mail.example.co.uk", "o'hara@exämple.de", "x_y%z@a-b.io"])
@pytest.mark.parametrize(
    "put",
    [
        lambda secret: secret,
        lambda secret: f"<{secret}>, and others",
        lambda secret: {"errors": [{"context": {secret: secret}}]},
        lambda secret: [1, (secret,), {secret}],
        ValueError,
        lambda secret: Path("/tmp") / secret,  # noqa: S108 -- never opened
    ],
    ids=["alone", "in a text", "in a mapping", "in a list", "in an error", "in a path"],
)
def test_no_email_address_is_in_any_line(log_lines: io.StringIO, address: str, put: object) -> None:
    structlog.get_logger().info("contacts.pulled", what=put(address))  # type: ignore[operator]
    assert "@" not in log_lines.getvalue()
    assert "<address>" in log_lines.getvalue()


@pytest.mark.parametrize(
    "secret", [TOKEN, f"Bearer {TOKEN}", "Bearer something-else", "Authorization: bearer x.y.z"], ids=["bare", "sent", "other", "quoted"]
)
def test_no_token_is_in_any_line(log_lines: io.StringIO, secret: str) -> None:
    structlog.get_logger().info("request.sent", headers={"Authorization": secret}, text=f"sent {secret} there")
    assert not any(part in log_lines.getvalue() for part in (TOKEN, "something-else", "x.y.z"))
    assert "<token>" in log_lines.getvalue()


def test_a_traceback_contains_no_email_address(log_lines: io.StringIO) -> None:
    try:
        _ = {}["ana@example.com"]
    except KeyError:
        structlog.get_logger().exception("run.failed")
    line = json.loads(log_lines.getvalue())
    assert "Traceback" in line["exception"]
    assert "ana@example.com" not in log_lines.getvalue()


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="ascii", exclude_characters="@")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    max_leaves=8,
)


@given(value=plain.filter(lambda value: "earer" not in str(value).lower()))
def test_values_without_secrets_are_logged_unchanged(value: object) -> None:
    assert log.redact_event(None, "info", {"value": value}) == {"value": value}


@pytest.mark.parametrize("text", ["a", "a.", "a@", "b-", "pat-eu1-", "Bearer "])
def test_the_cost_of_masking_is_linear_in_the_length_of_the_text(log_lines: io.StringIO, text: str) -> None:
    def cost(length: int) -> float:
        seconds = []
        for _ in range(3):
            start = time.process_time()
            structlog.get_logger().info("run.finished", text=text * (length // len(text)))
            seconds.append(time.process_time() - start)
        return min(seconds)

    assert cost(65_536) < 100 * cost(4_096)  # 16 times the length: a factor of 16 if linear, 256 if quadratic
    assert log_lines.getvalue()


def test_an_unexpected_error_is_logged_without_personal_data() -> None:
    try:
        {}[f"ana@example.com {TOKEN}"]
    except KeyError as error:
        text = log.format_traceback(error)
    assert text.startswith("Traceback")
    assert "KeyError" in text
    assert "ana@" not in text.replace('{}[f"ana@example.com {TOKEN}"]', "")
    assert TOKEN not in text


@pytest.fixture
def restore_logging() -> Iterator[None]:
    handlers, hook = [*logging.getLogger().handlers], threading.excepthook
    yield
    logging.getLogger().handlers, threading.excepthook = handlers, hook


@pytest.mark.usefixtures("restore_logging")
def test_warnings_of_libraries_and_of_python_are_lines_of_the_log(log_lines: io.StringIO) -> None:
    log.capture_libraries()
    logging.getLogger("urllib3.connectionpool").warning("Retrying %s", "ana@example.com")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    lines = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    assert [(line["level"], line["library"]) for line in lines] == [("warning", "urllib3.connectionpool"), ("warning", "py.warnings")]
    assert "Retrying <address>" in lines[0]["text"]
    assert "old" in lines[1]["text"]
