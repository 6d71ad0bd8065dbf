"""Lines of events are read the same in columns as one by one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from polars.testing import assert_frame_equal

from sync_worker.cli.portal_folder import read_history
from sync_worker.errors import ConfigurationError
from sync_worker.insight.portal_history import PortalHistory
from sync_worker.model.compiled.loader import loads
from sync_worker.sandbox import folder
from tests.harness import NOW_MS, make_click, make_contact, make_page_view, small_portal

MODEL = loads(
    """
name: Events
score:
  criteria:
    clicks: {event: email_click, each: 1, at_most: 9}
    views: {event: page_view, each: 1, at_most: 9}
    logins: {event: "custom:login", each: 1, at_most: 9}
  bands: [{name: all, from: 0}]
qualification: {threshold: 5}
""",
    "model.yaml",
)
CLICK, VIEW = make_click(1, "p1@example.com", NOW_MS - 5000), make_page_view(1, 1, NOW_MS - 9000)


def encode(row: dict[str, Any], **changes: object) -> str:
    return orjson.dumps({**row, **changes}).decode()


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., PortalHistory]:
    """Return a function that reads a portal with these lines, if `one_by_one` with an empty line, which makes the chunk unusual."""

    def read_lines(file: str, lines: list[str], *, one_by_one: bool) -> PortalHistory:
        contacts = [make_contact(1, email="p1@example.com"), make_contact(2, hs_additional_emails="p1@example.com")]
        folder.write(small_portal(contacts=contacts, companies=[], email_events=[], events=[]), tmp_path)
        (tmp_path / file).write_text("\n".join([*lines, " "] if one_by_one else lines))
        return read_history(tmp_path, [MODEL])

    return read_lines


VALID = {
    "email_events.jsonl": [
        encode(CLICK),
        encode(CLICK, id="other", recipient=" P1@Example.COM ", userAgent="Mozilla", filteredEvent=True, extra={"a": [1]}),
        encode(CLICK, id="sent", sentBy={"id": "s", "created": NOW_MS - 6000}, obsoletedBy={"id": "n", "created": NOW_MS - 1}),
        encode(CLICK, id="new", sentBy={"created": NOW_MS}, url=None, emailCampaignId="7"),
        encode(CLICK, id="opened", type="OPEN"),
        encode(CLICK, id="unknown", recipient="nobody@example.com"),
        encode(CLICK, id="é\n", emailCampaignId=12),
        encode(CLICK),
    ],
    "events.jsonl": [
        encode(VIEW),
        encode(VIEW, id="early", occurredAt="2026-01-02T03:04:05Z", properties={"hs_title": "Prices", "hs_url": "", "x": None}),
        encode(VIEW, id="fine", occurredAt="2026-01-02T03:04:05.6839999Z", properties=None),
        encode(VIEW, id="login", eventType="pe42_login"),
        encode(VIEW, id="form", eventType="e_submitted_form"),
        encode(VIEW),
    ],
}
UNUSUAL = {
    "email_events.jsonl": [
        *(encode(CLICK, id="x", **{name: value}) for name, value in (("url", 5), ("emailCampaignId", 1.5), ("filteredEvent", "true"))),
        *(encode(CLICK, id="x", **{name: value}) for name, value in (("sentBy", {"created": NOW_MS, "id": 5}), ("userAgent", {}))),
        encode(CLICK, id="y" * 300),
        encode(CLICK, created=7_289_568_000_000),  # 2200
        '{"id": "broken", ',
        encode(CLICK, recipient=None),
        encode(CLICK, id="x", recipient=" "),
        encode(CLICK, id="x", sentBy={"id": "s", "created": 0}),
        encode(CLICK, created=str(NOW_MS)),
        encode(CLICK, sentBy={"id": "s"}),
        encode(CLICK, id=5),
        "[1]",
        f"{encode(CLICK)} {encode(CLICK)}",
        encode(CLICK).replace("{", '{"note": "\\ud800", ', 1),
    ],
    "events.jsonl": [
        *(encode(VIEW, id="x", objectId=value) for value in (1, "0", "01", "9" * 17, "+1", " 1", "1_0", "²")),
        *(
            encode(VIEW, id="x", occurredAt=value)
            for value in (
                "2026-01-02T03:04:60Z",
                "2026-1-2T3:4:5Z",
                "2026-01-02T03:04:05+02:00",
                "2006-05-31T00:00:00Z",
                "2026-01-02T03:04Z",
            )
        ),
        *(encode(VIEW, id="x", properties=value) for value in ({"hs_title": 5}, {"other": ["a"]}, {"other": True}, "none")),
        encode(VIEW, id=""),
        encode(VIEW).replace(",", ",\n", 1),
    ],
}


@pytest.mark.parametrize("file", VALID)
def test_usual_lines_give_the_same_events_in_columns_as_one_by_one(read: Callable[..., PortalHistory], file: str) -> None:
    columns, rows = (read(file, VALID[file], one_by_one=one_by_one).events for one_by_one in (False, True))
    assert_frame_equal(columns, rows)
    assert columns.height == {"email_events.jsonl": 10, "events.jsonl": 4}[file]  # clicks count for both contacts


@pytest.mark.parametrize(("file", "line"), [(file, line) for file, lines in UNUSUAL.items() for line in lines])
def test_an_unusual_line_has_the_same_result_or_error_as_one_by_one(read: Callable[..., PortalHistory], file: str, line: str) -> None:
    def describe(*, one_by_one: bool) -> tuple[object, ...]:
        try:
            found = read(file, [VALID[file][0], line], one_by_one=one_by_one)
        except ConfigurationError as error:
            return str(error).partition(f"{file}:2: ")
        return found.events.rows(), found.gaps.unreadable

    result = describe(one_by_one=False)
    assert result == describe(one_by_one=True)
    assert len(result) == 2 or result[2]  # the error names the line
