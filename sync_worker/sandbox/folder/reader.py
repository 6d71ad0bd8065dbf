"""Reads a portal folder; rows are read line by line during iteration."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Final, cast, get_args
from zoneinfo import available_timezones

import orjson

from sync_worker.sandbox.base.errors import PortalFolderError
from sync_worker.sandbox.base.portal_data import PortalData, Row, Tier
from sync_worker.sandbox.folder.validators import (
    ROW_VALIDATORS,
    FieldFormatError,
    Validator,
    validate_record_id,
    validate_text,
    validate_timestamp,
)

PORTAL_FILE: Final = "portal.json"
_CHUNK_BYTES: Final = 4 * 2**20
_GIGABYTE: Final = 10**9
_LINE_HINT: Final = "Fix the line or remove it."
_PORTAL_EXAMPLE: Final = '{"portalId": 1001, "tier": "enterprise", "timeZone": "Europe/Berlin", "now": "2026-11-01T00:00:00.000Z"}'


def read(path: Path, *, max_bytes: int | None = None) -> PortalData:
    """Read a portal folder; files of rows are read during iteration, each time again.

    Raises:
        PortalFolderError: the folder or its portal.json is invalid, or its files are larger than `max_bytes`, by default the memory of
            this machine; raised during iteration for an invalid line of another file. The message starts with `file:line`.
    """
    header = _PortalHeader.load(Path(path) / PORTAL_FILE)
    files = {kind: JsonLinesFile(path=Path(path) / f"{kind}.jsonl", kind=kind) for kind in ROW_VALIDATORS}
    _check_size(Path(path), [file.path for file in files.values()], _read_memory_size() if max_bytes is None else max_bytes)
    return PortalData(portal_id=header.portal_id(), tier=header.tier(), time_zone=header.time_zone(), now=header.now(), **files)


def _check_size(folder: Path, files: Iterable[Path], max_bytes: int) -> None:
    # The rows take more memory than their files.
    size = sum(file.stat().st_size for file in files if file.is_file())
    if size > max_bytes:
        raise PortalFolderError(
            f"{folder}: the files have {size / _GIGABYTE:.1f} GB, and the memory of this machine is {max_bytes / _GIGABYTE:.1f} GB.",
            hint="Take a part of the portal, or a machine with more memory.",
        )


def _read_memory_size() -> int:
    if not hasattr(os, "sysconf"):  # Windows
        return sys.maxsize
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def read_chunks(path: Path, kind: str) -> Iterator[LineChunk]:
    """Yield the lines of one file of a portal folder in order, many at a time."""
    return JsonLinesFile(path=path / f"{kind}.jsonl", kind=kind).read_chunks()


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonLinesFile:
    """The rows of one file of a portal folder; a missing file has no rows."""

    path: Path
    kind: str

    def __iter__(self) -> Iterator[Row]:
        """Yield the validated rows in order."""
        for chunk in self.read_chunks():
            yield from chunk

    def read_chunks(self) -> Iterator[LineChunk]:
        """Yield the lines in order, many at a time."""
        if not self.path.exists():
            return
        try:
            with self.path.open("rb") as lines:
                first = 1
                while content := lines.read(_CHUNK_BYTES):
                    content += lines.readline()
                    yield LineChunk(content=content, path=self.path, kind=self.kind, first=first)
                    first += content.count(b"\n")
        except OSError as error:
            raise PortalFolderError(f"{self.path}: cannot be read ({error.strerror}).", hint="Check its permissions.") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChunk:
    """Some lines of a file, from the line number `first` on."""

    content: bytes
    path: Path
    kind: str
    first: int

    def __iter__(self) -> Iterator[Row]:
        """Yield the validated rows in order."""
        validators = tuple(ROW_VALIDATORS[self.kind].items())
        for number, line in enumerate(BytesIO(self.content), start=self.first):
            if not line.isspace():
                yield self._parse_row(line, number, validators)

    def _parse_row(self, line: bytes, number: int, validators: Iterable[tuple[str, Validator]]) -> Row:
        row, key = _parse_object(line, self.path, number), ""
        try:
            for key, check in validators:
                value = check(row.get(key))
                if value is not None:
                    row[key] = value
        except FieldFormatError as error:
            raise PortalFolderError(f"{self.path}:{number}: `{key}` {error}.", hint=_LINE_HINT) from error
        return row


def _parse_object(source: bytes, path: Path, number: int) -> Row:
    try:
        row = orjson.loads(source)
    except orjson.JSONDecodeError as error:
        raise PortalFolderError(f"{path}:{number}: not JSON: {error.msg}.", hint=_LINE_HINT) from error
    if not isinstance(row, dict):
        raise PortalFolderError(f"{path}:{number}: not a JSON object.", hint=_LINE_HINT)
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class _PortalHeader:
    """The validated content of portal.json."""

    path: Path
    source: str
    row: Row

    @classmethod
    def load(cls, path: Path) -> _PortalHeader:
        try:
            source = path.read_bytes()
        except OSError as error:
            problem = "not a folder" if not path.parent.is_dir() else f"no readable {PORTAL_FILE}"
            raise PortalFolderError(
                f"{path.parent}: {problem} ({error.strerror}).", hint=f"A portal folder contains {PORTAL_FILE} with {_PORTAL_EXAMPLE}"
            ) from error
        return cls(path=path, row=_parse_object(source, path, 1), source=source.decode())

    def portal_id(self) -> int:
        return int(self._validate_key("portalId", validate_record_id))

    def tier(self) -> Tier:
        tier = self._validate_key("tier", validate_text)
        if tier in get_args(Tier):
            return cast("Tier", tier)
        raise self._key_error("tier", f"is {tier!r}, which is not a tier of HubSpot", f"Use one of {', '.join(get_args(Tier))}.")

    def time_zone(self) -> str:
        zone = self._validate_key("timeZone", validate_text)
        if zone not in available_timezones():
            hint = 'Use an IANA name, such as "Europe/Berlin" or "US/Eastern".'
            raise self._key_error("timeZone", f"is {zone!r}, which is not a time zone", hint)
        return zone

    def now(self) -> datetime:
        return datetime.fromisoformat(self._validate_key("now", validate_timestamp)).astimezone(UTC)

    def _validate_key(self, key: str, validator: Callable[[object], str]) -> str:
        try:
            return validator(self.row.get(key))
        except FieldFormatError as error:
            raise self._key_error(key, str(error), f"Example of {PORTAL_FILE}: {_PORTAL_EXAMPLE}") from error

    def _key_error(self, key: str, problem: str, hint: str) -> PortalFolderError:
        line = self.source[: max(self.source.find(f'"{key}"'), 0)].count("\n") + 1
        return PortalFolderError(f"{self.path}:{line}: `{key}` {problem}.", hint=hint)
