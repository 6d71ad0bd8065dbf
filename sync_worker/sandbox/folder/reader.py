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
from sync_worker.sandbox.folder.validators import ROW_VALIDATORS, FieldFormatError, validate_record_id, validate_text, validate_timestamp

PORTAL_FILE: Final = "portal.json"
_PORTAL_EXAMPLE: Final = '{"portalId": 1001, "tier": "enterprise", "timeZone": "Europe/Berlin", "now": "2026-11-01T00:00:00.000Z"}'


def read(path: Path) -> PortalData:
    """Return what a portal folder holds; files of rows are read only when iterated, each time anew.

    Raises:
        PortalFolderError: here for the folder and its portal.json, while iterating for a line of another file; the
            message begins with `file:line`.
    """
    head = _PortalHeader.load(Path(path) / PORTAL_FILE)
    files = {kind: JsonLinesFile(path=Path(path) / f"{kind}.jsonl", kind=kind) for kind in ROW_VALIDATORS}
    return PortalData(portal_id=head.portal_id(), tier=head.tier(), time_zone=head.time_zone(), now=head.now(), **files)


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonLinesFile:
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
                        yield self._parse_row(line, number)
        except OSError as error:
            raise PortalFolderError(f"{self.path}: cannot be read ({error.strerror}).", hint="Look at its permissions.") from error

    def _parse_row(self, line: bytes, number: int) -> Row:
        place = f"{self.path}:{number}"
        row = _parse_object(line, place)
        for key, check in ROW_VALIDATORS[self.kind].items():
            try:
                value = check(row.get(key))
            except FieldFormatError as error:
                raise PortalFolderError(f"{place}: `{key}` {error}.", hint="Mend the line or take it out.") from error
            if value is not None:
                row[key] = value
        return row


def _parse_object(source: bytes, location: str) -> Row:
    try:
        row = orjson.loads(source)
    except orjson.JSONDecodeError as error:
        raise PortalFolderError(f"{location}: is not JSON: {error.msg}.", hint="Mend the line or take it out.") from error
    if not isinstance(row, dict):
        raise PortalFolderError(f"{location}: should be a JSON object, {{...}}.", hint="Mend the line or take it out.")
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class _PortalHeader:
    """The head of a portal folder: portal.json."""

    path: Path
    source: str
    row: Row

    @classmethod
    def load(cls, path: Path) -> _PortalHeader:
        try:
            source = path.read_bytes()
        except OSError as error:
            where = "is no folder" if not path.parent.is_dir() else f"has no readable {PORTAL_FILE}"
            raise PortalFolderError(
                f"{path.parent}: {where} ({error.strerror}).", hint=f"A portal folder holds {PORTAL_FILE} with {_PORTAL_EXAMPLE}"
            ) from error
        return cls(path=path, row=_parse_object(source, f"{path}:1"), source=source.decode())

    def portal_id(self) -> int:
        return int(self._validate_key("portalId", validate_record_id))

    def tier(self) -> Tier:
        named = self._validate_key("tier", validate_text)
        if named in get_args(Tier):
            return cast("Tier", named)
        raise self._key_error("tier", f"is {named!r}, which HubSpot does not sell", f"One of {', '.join(get_args(Tier))}.")

    def time_zone(self) -> str:
        named = self._validate_key("timeZone", validate_text)
        if named not in available_timezones():
            raise self._key_error(
                "timeZone", f"is {named!r}, which is no time zone", 'An IANA name, such as "Europe/Berlin" or "US/Eastern".'
            )
        return named

    def now(self) -> datetime:
        return datetime.fromisoformat(self._validate_key("now", validate_timestamp)).astimezone(UTC)

    def _validate_key(self, key: str, validator: Callable[[object], str]) -> str:
        try:
            return validator(self.row.get(key))
        except FieldFormatError as error:
            raise self._key_error(key, str(error), f"{PORTAL_FILE} looks like {_PORTAL_EXAMPLE}") from error

    def _key_error(self, key: str, problem: str, hint: str) -> PortalFolderError:
        line = self.source[: max(self.source.find(f'"{key}"'), 0)].count("\n") + 1
        return PortalFolderError(f"{self.path}:{line}: `{key}` {problem}.", hint=hint)
