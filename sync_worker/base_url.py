"""Validation of HubSpot's base URL before a token is sent there."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def validate_base_url(base_url: str) -> str:
    """Return the URL without a trailing slash. It must be https, except on loopback.

    Raises ValueError; the message never contains a password.
    """
    url = base_url.strip()
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise ValueError("the URL contains a user name or password; remove them, the token is sufficient")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{url!r} is not a URL; remove the setting to use HubSpot's own address")
    if parts.scheme == "http" and not is_loopback(url):
        raise ValueError("http:// would send the token unencrypted; use https:// (http:// is for a sandbox on this machine)")
    return url.rstrip("/")


def is_loopback(base_url: str) -> bool:
    """Return whether the URL points to this machine."""
    host = urlsplit(base_url.strip()).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
