"""Files with personal data, which only their owner can read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

OWNER_ONLY: Final = 0o600


def write_private_text(path: Path, text: str) -> None:
    """Write a text to a file that only its owner can read; an existing file loses the permissions of others. Raises OSError."""
    write_private_bytes(path, text.encode())


def write_private_bytes(path: Path, content: bytes) -> None:
    """Write bytes like `write_private_text`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, OWNER_ONLY)
        file.truncate()  # only now, so that no other user reads the new content
        file.write(content)
