"""Structured logs on standard error: JSON, or columns on a terminal. Tokens and email addresses are masked."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TextIO

import structlog

# Possessive quantifiers and the lookbehind prevent backtracking, so that a long text without an address takes linear time.
EMAIL_PATTERN: Final = re.compile(r"(?<![\w.+%-])[\w.+%-]++@[\w-]++(?:\.[\w-]++)++")
TOKEN_PATTERN: Final = re.compile(r"\bpat-[a-z]{2}\d-[\w-]+|\bBearer\s+\S+", re.IGNORECASE)


def configure(stream: TextIO | None = None, *, level: int = logging.INFO) -> None:
    """Configure the log of this process: its stream, default standard error, and its level."""
    stream = stream or sys.stderr
    on_terminal = stream.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact_event,
            structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    # At DEBUG, the SDK logs whole responses, and urllib3 logs paths with ids and email addresses.
    for noisy in ("hubspot", "urllib3", "apscheduler", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def format_traceback(error: BaseException) -> str:
    """Return the traceback of an unexpected error without tokens and email addresses."""
    return str(_redact("".join(traceback.format_exception(error))))


def redact_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask tokens and email addresses in every text of a log line."""
    return {key: _redact(value) for key, value in event.items()}


def _redact(value: object) -> object:
    match value:
        case str():
            return TOKEN_PATTERN.sub("<token>", EMAIL_PATTERN.sub("<address>", value))
        case Mapping():
            return {_redact(key): _redact(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_redact(inner) for inner in value]
        case None | bool() | int() | float():
            return value
        case _:
            return _redact(str(value))  # a path or an error: logged as its text
