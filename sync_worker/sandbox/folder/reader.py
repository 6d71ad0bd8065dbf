"""Portal folder on disk → portal data, read line by line when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast, get_args
from zoneinfo import available_timezones

import orjson

from sync_worker.errors import PortalFolderError
from sync_worker.sandbox.base.portal_data import PortalData, Row, Tier
from sync_worker.sandbox.folder.validators import SHAPES, ShapeError, instant, record_id, text

PORTAL_FILE: Final = "portal.json"
_PORTAL_EXAMPLE: Final = '{"portalId": 1001, "tier": "enterprise", "timeZone": "Europe/Berlin", "now": "2026-11-01T00:00:00.000Z"}'


def read(path: Path) -> PortalData:
    """Return what a portal folder holds; files of rows are read only when iterated, each time anew.

    Raises:
        PortalFolderError: here for the folder and its portal.json, while iterating for a line of another file; the
            message begins with `file:line`.
    """
    head = _Portal.of(Path(path) / PORTAL_FILE)
    files = {kind: JsonLines(path=Path(path) / f"{kind}.jsonl", kind=kind) for kind in SHAPES}
    return PortalData(portal_id=head.id(), tier=head.tier(), time_zone=head.time_zone(), now=head.now(), **files)


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonLines:
    """The rows of one file of a portal folder; a file that is not there has none."""

    path: Path
    kind: str

    def __iter__(self) -> Iterator[Row]:
        """Yield the checked rows from first to last."""
        if not self.path.exists():
            return
        try:
            with self.path.open("rb") as lines:
                for number, line in enumerate(lines, start=1):
                    if not line.isspace():
                        yield self._row(line, number)
        except OSError as error:
            raise PortalFolderError(f"{self.path}: cannot be read ({error.strerror}).", hint="Look at its permissions.") from error

    def _row(self, line: bytes, number: int) -> Row:
        place = f"{self.path}:{number}"
        row = _parsed(line, place)
        for key, check in SHAPES[self.kind].items():
            try:
                value = check(row.get(key))
            except ShapeError as error:
                raise PortalFolderError(f"{place}: `{key}` {error}.", hint="Mend the line or take it out.") from error
            if value is not None:
                row[key] = value
        return row


def _parsed(source: bytes, place: str) -> Row:
    try:
        row = orjson.loads(source)
    except orjson.JSONDecodeError as error:
        raise PortalFolderError(f"{place}: is not JSON: {error.msg}.", hint="Mend the line or take it out.") from error
    if not isinstance(row, dict):
        raise PortalFolderError(f"{place}: should be a JSON object, {{...}}.", hint="Mend the line or take it out.")
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class _Portal:
    """The head of a portal folder: portal.json."""

    path: Path
    source: str
    row: Row

    @classmethod
    def of(cls, path: Path) -> _Portal:
        try:
            source = path.read_bytes()
        except OSError as error:
            where = "is no folder" if not path.parent.is_dir() else f"has no readable {PORTAL_FILE}"
            raise PortalFolderError(
                f"{path.parent}: {where} ({error.strerror}).", hint=f"A portal folder holds {PORTAL_FILE} with {_PORTAL_EXAMPLE}"
            ) from error
        return cls(path=path, row=_parsed(source, f"{path}:1"), source=source.decode())

    def id(self) -> int:
        return int(self._checked("portalId", record_id))

    def tier(self) -> Tier:
        named = self._checked("tier", text)
        if named in get_args(Tier):
            return cast("Tier", named)
        raise self._wrong("tier", f"is {named!r}, which HubSpot does not sell", f"One of {', '.join(get_args(Tier))}.")

    def time_zone(self) -> str:
        named = self._checked("timeZone", text)
        if named not in available_timezones():
            raise self._wrong("timeZone", f"is {named!r}, which is no time zone", 'An IANA name, such as "Europe/Berlin" or "US/Eastern".')
        return named

    def now(self) -> datetime:
        return datetime.fromisoformat(self._checked("now", instant)).astimezone(UTC)

    def _checked(self, key: str, check: Callable[[object], str]) -> str:
        try:
            return check(self.row.get(key))
        except ShapeError as error:
            raise self._wrong(key, str(error), f"{PORTAL_FILE} looks like {_PORTAL_EXAMPLE}") from error

    def _wrong(self, key: str, what: str, hint: str) -> PortalFolderError:
        line = self.source[: max(self.source.find(f'"{key}"'), 0)].count("\n") + 1
        return PortalFolderError(f"{self.path}:{line}: `{key}` {what}.", hint=hint)
