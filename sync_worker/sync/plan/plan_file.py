"""Plan files: JSON with a version, a checksum and a JSON Schema (docs/plan.schema.json)."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from sync_worker.errors import ConfigurationError
from sync_worker.output_file import write_output_file
from sync_worker.sync.plan.saved_plan import SavedPlan

FORMAT: Final = "sync-worker plan"
VERSION: Final = 1
T = TypeVar("T")
AGAIN_HINT: Final = "Run `sync-worker plan --out FILE` to make a new one."


class PlanHeader(msgspec.Struct, frozen=True):
    """What every version of the format has."""

    format: str
    version: int


class PlanFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A plan file of this version. `checksum` is the SHA-256 of the canonical JSON of the plan."""

    format: str
    version: int
    checksum: str
    plan: SavedPlan


def write_plan(path: Path, plan: SavedPlan) -> None:
    """Write a plan to a file that only its owner can read. Raises ConfigurationError if the file cannot be written."""
    file = PlanFile(format=FORMAT, version=VERSION, checksum=_checksum(plan), plan=plan)
    text = msgspec.json.format(msgspec.json.encode(file), indent=2).decode()
    write_output_file(path, text + "\n")


def read_plan(path: Path) -> SavedPlan:
    """Read a plan file.

    Raises:
        ConfigurationError: the file cannot be read, is no plan, has another version, was edited or truncated, or changes nothing.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}.", hint=AGAIN_HINT) from error
    header = _decode(path, content, PlanHeader)
    if header.format != FORMAT:
        raise ConfigurationError(f"{path} is not a plan of sync-worker.", hint=AGAIN_HINT)
    if header.version != VERSION:
        raise ConfigurationError(
            f"{path} has version {header.version} of the format; this program reads version {VERSION}.", hint=AGAIN_HINT
        )
    file = _decode(path, content, PlanFile)
    if file.checksum != _checksum(file.plan):
        raise ConfigurationError(f"{path} was edited: its checksum does not match its content.", hint=AGAIN_HINT)
    return file.plan


def build_plan_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of plan files; docs/plan.schema.json is a copy."""
    schema = msgspec.json.schema(PlanFile)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Plan of sync-worker", **schema}


def _decode(path: Path, content: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{path} is not a plan of sync-worker: {error}.", hint=AGAIN_HINT) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{path} is not complete JSON; it may be truncated.", hint=AGAIN_HINT) from error


def _checksum(plan: SavedPlan) -> str:
    return sha256(msgspec.json.encode(plan, order="deterministic")).hexdigest()
