"""Structured logs on standard error: JSON, or one short line an event on a terminal. Tokens and email addresses are masked."""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from collections.abc import Collection, Mapping, MutableMapping
from functools import partial
from typing import Any, Final, Literal, TextIO, TypeAlias

import structlog

RUN_FINISHED: Final = "run.finished"
# Possessive quantifiers and the lookbehind prevent backtracking, so that a long text without an address takes linear time.
EMAIL_PATTERN: Final = re.compile(r"(?<![\w.+%-])[\w.+%-]++@[\w-]++(?:\.[\w-]++)++")
TOKEN_PATTERN: Final = re.compile(r"\bpat-[a-z]{2}\d-[\w-]+|\bBearer\s+\S+", re.IGNORECASE)


EventFormat: TypeAlias = Literal["auto", "text", "json"]


class CurrentStderr:
    """Standard error as it is at the moment of a line: progress bars redirect it, so that lines appear above them."""

    def write(self, text: str) -> int:
        """Write a text."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Write buffered texts."""
        sys.stderr.flush()

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return sys.stderr.isatty()


def configure(
    stream: TextIO | None = None, *, level: int = logging.INFO, log_format: EventFormat = "auto", omit: Collection[str] = ()
) -> None:
    """Configure the log of this process: its stream, default standard error, its level, and its format.

    The format `auto` is text on a terminal and JSON elsewhere. Text has one short line for each event, and all values at the level DEBUG.
    The events in `omit` are not logged.
    """
    target: Any = stream or CurrentStderr()
    is_text = log_format == "text" or (log_format == "auto" and target.isatty())
    text_renderer = structlog.dev.ConsoleRenderer() if level <= logging.DEBUG else render_line
    structlog.configure(
        processors=[
            partial(_drop_events, omit),
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact_event,
            text_renderer if is_text else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    # At DEBUG, the SDK logs whole responses, and urllib3 logs paths with ids and email addresses.
    for noisy in ("hubspot", "urllib3", "apscheduler", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class LibraryHandler(logging.Handler):
    """Writes the log lines of libraries as events of this log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        failure = record.exc_info if record.exc_info and record.exc_info[0] else None
        structlog.get_logger().log(record.levelno, "library.logged", library=record.name, text=record.getMessage(), exc_info=failure)


def capture_libraries() -> None:
    """Write Python's warnings, the warnings of libraries, and the errors of their threads as events of this log."""
    logging.captureWarnings(capture=True)
    root = logging.getLogger()
    if not any(isinstance(handler, LibraryHandler) for handler in root.handlers):
        root.addHandler(LibraryHandler(logging.WARNING))
    threading.excepthook = _log_thread_error


def _log_thread_error(hook: threading.ExceptHookArgs) -> None:
    name = hook.thread.name if hook.thread else None
    structlog.get_logger().error("thread.crashed", thread=name, exc_info=hook.exc_value)


def render_line(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    """Return an event as one line for a person, such as `12:00:05 sync: 3 read, 2 written, 1.2 s`; a traceback follows on its own lines."""
    values = dict(event)
    name, level, at = values.pop("event"), values.pop("level"), values.pop("timestamp")
    traceback_text = values.pop("exception", None)
    text = _summarize_run(values) if name == RUN_FINISHED else " ".join([f"{name}:", ", ".join(f"{key} {values[key]}" for key in values)])
    marked = f"{level}: {text}" if level in {"warning", "error", "critical"} else text
    return "\n".join([f"{at[11:19]} {marked.rstrip(' :')}", *([traceback_text] if traceback_text else [])])


def _summarize_run(values: Mapping[str, Any]) -> str:
    counts = {
        "read": values.get("pulled", 0),
        "written": values.get("written", 0),
        "new MQLs": values.get("new_mqls", 0),
        "rejected": values.get("rejected", 0),
    }
    always = {"read", "written"}
    parts = [f"{number:,} {label}" for label, number in counts.items() if number or label in always]
    parts = [part.removesuffix("s") if part == "1 new MQLs" else part for part in parts]
    dry_run = " (dry run)" if values.get("dry_run") else ""
    error = f"; failed: {values['error']}" if values.get("error") else ""
    return f"{values.get('command', 'run')}{dry_run}: {', '.join(parts)}, {values.get('seconds', 0):.1f} s{error}"


def _drop_events(names: Collection[str], _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if event.get("event") in names:
        raise structlog.DropEvent
    return event


def format_traceback(error: BaseException) -> str:
    """Return the traceback of an unexpected error without tokens and email addresses."""
    return redact_text("".join(traceback.format_exception(error)))


def redact_text(text: str) -> str:
    """Mask tokens and email addresses in a text."""
    return TOKEN_PATTERN.sub("<token>", EMAIL_PATTERN.sub("<address>", text))


def redact_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask tokens and email addresses in every text of a log line."""
    return {key: _redact(value) for key, value in event.items()}


def _redact(value: object) -> object:
    match value:
        case str():
            return redact_text(value)
        case Mapping():
            return {_redact(key): _redact(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_redact(inner) for inner in value]
        case None | bool() | int() | float():
            return value
        case _:
            return _redact(str(value))  # a path or an error: logged as its text
