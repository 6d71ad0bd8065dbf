"""The file of an option `--out`: checked before the work, so that no result is lost, and written whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EACCES, EISDIR, ENOTDIR
from pathlib import Path
from typing import Final

from sync_worker.errors import ConfigurationError

OWNER_ONLY: Final = 0o600
ALL_USERS: Final = 0o666  # less the umask


def check_output_file(path: Path | None, *endings: str) -> None:
    """Raise ConfigurationError if the name of a file has none of these endings, or if the file cannot be written. None: no file."""
    if path is None:
        return
    if endings and path.suffix.lower() not in endings:
        raise ConfigurationError(f"--out: {path} has no known format.", hint=f"Use a name that ends with {', '.join(endings)}.")
    with _translate_errors(path):
        target = path.resolve()  # of a symbolic link
        target.parent.stat()
        number = _find_problem(target)
        if number:
            raise OSError(number, os.strerror(number))


def _find_problem(path: Path) -> int:
    if not path.parent.is_dir():
        return ENOTDIR
    if path.is_dir():
        return EISDIR
    return 0 if os.access(path.parent if _is_replaceable(path) else path, os.W_OK) else EACCES


def write_output_file(path: Path, content: str | bytes, *, is_private: bool = True) -> None:
    """Write a file; a file with data of people is private, so that only its owner can read it, also where others could read the old one.

    Raises:
        ConfigurationError: the file cannot be written; what it contained before is still there.
    """
    data = content.encode() if isinstance(content, str) else content
    with _translate_errors(path):
        if _is_replaceable(path):
            _replace(path.resolve(), data, is_private=is_private)  # a symbolic link stays, and its target is replaced
        else:
            path.write_bytes(data)


def _is_replaceable(path: Path) -> bool:
    """Return whether a new file can take the place of the old one; not of a pipe, and not in a folder without write permission."""
    return not path.exists() or (path.is_file() and os.access(path.resolve().parent, os.W_OK))


def _replace(path: Path, data: bytes, *, is_private: bool) -> None:
    temporary = path.with_name(f".sync-worker-{secrets.token_hex(4)}")  # not longer than the name of the file may be
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY if is_private else ALL_USERS), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # the new name never shows an empty file, not even after a power failure
        if path.exists() and not is_private:
            shutil.copymode(path, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of symbolic links
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(f"--out: {path} cannot be written: {reason}.", hint="Choose another file.") from error
