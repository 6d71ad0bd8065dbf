"""What must be true of HubSpot's address before a token is sent there."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def validate_base_url(base_url: str) -> str:
    """Return the address without a slash at its end; it must be https, save on loopback.

    Raises ValueError, which never quotes a password.
    """
    url = base_url.strip()
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise ValueError("the address holds a user name or password; the token alone is used, take them out")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{url!r} is no web address; leave it out for HubSpot itself")
    if parts.scheme == "http" and not is_loopback(url):
        raise ValueError("http:// would send the token in clear; write https:// (http is for a sandbox on this machine)")
    return url.rstrip("/")


def is_loopback(base_url: str) -> bool:
    """Say whether an address is this machine itself."""
    host = urlsplit(base_url.strip()).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
