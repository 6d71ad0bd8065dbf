"""Channels outside HubSpot, such as Slack, Teams or email: one URL for each, sent by the library `apprise` (extra `notify`)."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr

from sync_worker.errors import ConfigurationError, MissingExtra, explain_extra

if TYPE_CHECKING:
    import apprise

SETTING: Final = "SYNC_WORKER_HAND_OFF_CHANNELS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel without its secrets.

    `id` is its scheme, with a number from the second channel of a scheme on, so that messages still wait for a channel after its key was
    replaced. `kind` is for people: number, scheme, and host if any. `send` takes title and text, and returns why they were not sent.
    """

    id: str
    kind: str
    send: Callable[[str, str], str | None]


def open_channels(urls: Sequence[SecretStr]) -> Sequence[Channel]:
    """Return the channels; opens no connection. Raises ConfigurationError for an invalid URL, or without the extra."""
    if not urls:
        return ()
    try:
        import apprise  # noqa: F401, PLC0415 -- an extra
    except ModuleNotFoundError:
        raise MissingExtra("hand_off_channels needs the library apprise.", hint=explain_extra("notify")) from None
    found: Counter[str] = Counter()
    channels = []
    for position, url in enumerate(urls, 1):
        plugin = _parse(url.get_secret_value(), position)
        scheme = _mask(plugin).scheme
        found[scheme] += 1
        id_ = scheme if found[scheme] == 1 else f"{scheme} {found[scheme]}"
        host = _find_host(plugin)
        channels.append(Channel(id=id_, kind=f"channel {position} ({scheme}://{host})", send=_Sender(plugin, url, host)))
    return channels


def _parse(url: str, position: int) -> apprise.NotifyBase:
    import apprise  # noqa: PLC0415

    with _capture_log():  # the library logs the URL
        plugin = apprise.Apprise.instantiate(url)
    if not isinstance(plugin, apprise.NotifyBase):
        scheme = match[0] if (match := re.match(r"[A-Za-z][\w+.-]*://", url)) else "no scheme"
        raise ConfigurationError(
            f"{SETTING}: URL {position} ({scheme}) is not the URL of a channel.",
            hint="Examples: slack://TokenA/TokenB/TokenC/#sales, mailtos://user:password@example.com?to=sales@example.com.",
        )
    if (targets := len(plugin)) > 1:
        # If one of them failed, a retry would send the message to the others again.
        raise ConfigurationError(
            f"{SETTING}: URL {position} ({_mask(plugin).scheme}://) has {targets} targets.", hint="Give each target a URL of its own."
        )
    if "overflow=" not in url:
        plugin.overflow_mode = apprise.OverflowMode.SPLIT  # services refuse a digest that is too long for them
    return plugin


def _find_host(plugin: apprise.NotifyBase) -> str:
    """Return the host of a channel; empty if it has none, or a token in its position, as many services have."""
    hostname, templates = _mask(plugin).hostname or "", " ".join(map(str, plugin.templates))
    return hostname if "{host}" in templates and hostname == (plugin.host or "").lower() else ""


def _mask(plugin: apprise.NotifyBase) -> SplitResult:
    """Return the URL as the library shows it, with masked secrets."""
    return urlsplit(str(plugin.url(privacy=True)))  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class _Sender:
    """Sends messages to one URL."""

    plugin: apprise.NotifyBase
    url: SecretStr
    host: str

    def __call__(self, title: str, text: str) -> str | None:
        """Return why the message was not sent, without secrets; None: it was sent."""
        import apprise  # noqa: PLC0415

        with _capture_log() as lines:
            try:
                sent = apprise.Apprise(self.plugin).notify(title=title, body=text, body_format=apprise.NotifyFormat.TEXT)
            except Exception as error:  # noqa: BLE001 -- of one of a hundred services; it must not end the run
                return f"{type(error).__name__} in the library apprise."
        return None if sent else self._redact(" ".join(lines) or "The service has not accepted the message.")

    def _redact(self, text: str) -> str:
        # What is not the host is a key, an address, or the name of a room.
        url = self.url.get_secret_value().partition("://")[2]
        parts = {part for each in (url, unquote(url)) for part in re.split(r"[/:@?&=#,+\s]+", each) if len(part) > 3}
        parts |= {unquote(part) for part in parts}
        for part in sorted((part for part in parts if part.lower() != self.host), key=len, reverse=True):
            text = text.replace(part, "***")
        return text


class _Lines(logging.Handler):
    """Collects warnings."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Add a line, without its traceback."""
        self.lines.append(record.getMessage())


@contextmanager
def _capture_log() -> Iterator[list[str]]:
    """Collect the warnings of the library, which may contain secrets, so that no handler writes them."""
    logger, handler = logging.getLogger("apprise"), _Lines()
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield handler.lines
    finally:
        logger.removeHandler(handler)
        logger.propagate = True
