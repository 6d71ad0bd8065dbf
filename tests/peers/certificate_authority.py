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
    """Create the authority unless it exists; the clients of this environment and of the bundles in the arguments trust it."""
    if not CERTIFICATE.exists():
        authority = trustme.CA()
        authority.private_key_pem.write_to_path(str(KEY))
        authority.cert_pem.write_to_path(str(CERTIFICATE))
    certificate = CERTIFICATE.read_bytes()
    for bundle in map(Path, (certifi.where(), *sys.argv[1:])):
        if certificate not in bundle.read_bytes():
            bundle.write_bytes(bundle.read_bytes() + certificate)


if __name__ == "__main__":
    main()
