"""Makes an authority for this virtual environment, and lets the clients in it trust what it signs.

Its certificate is added to those that requests trusts, as administrators add that of their company: some clients look nowhere
else, whatever REQUESTS_CA_BUNDLE says. No other Python on the machine is concerned.
"""

from __future__ import annotations

import sys
from pathlib import Path

import certifi
import trustme

CERTIFICATE, KEY = (Path(sys.prefix) / name for name in ("authority.crt", "authority.key"))


def create_authority() -> trustme.CA:
    """Return the authority that was made."""
    return trustme.CA.from_pem(CERTIFICATE.read_bytes(), KEY.read_bytes())


def main() -> None:
    """Make the authority, once."""
    if CERTIFICATE.exists():
        return
    made, trusted = trustme.CA(), Path(certifi.where())
    made.private_key_pem.write_to_path(str(KEY))
    trusted.write_bytes(trusted.read_bytes() + made.cert_pem.bytes())
    made.cert_pem.write_to_path(str(CERTIFICATE))


if __name__ == "__main__":
    main()
