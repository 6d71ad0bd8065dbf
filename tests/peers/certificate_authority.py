"""Create a certificate authority that the clients in this virtual environment trust.

The certificate is appended to the root certificates of certifi, because some clients ignore REQUESTS_CA_BUNDLE. Other Python
environments on the machine are not affected.
"""

from __future__ import annotations

import sys
from pathlib import Path

import certifi
import trustme

CERTIFICATE, KEY = (Path(sys.prefix) / name for name in ("authority.crt", "authority.key"))


def load_authority() -> trustme.CA:
    """Load the authority that `main` has created."""
    return trustme.CA.from_pem(CERTIFICATE.read_bytes(), KEY.read_bytes())


def main() -> None:
    """Create the authority unless it exists."""
    if CERTIFICATE.exists():
        return
    authority, trusted_roots = trustme.CA(), Path(certifi.where())
    authority.private_key_pem.write_to_path(str(KEY))
    trusted_roots.write_bytes(trusted_roots.read_bytes() + authority.cert_pem.bytes())
    authority.cert_pem.write_to_path(str(CERTIFICATE))


if __name__ == "__main__":
    main()
