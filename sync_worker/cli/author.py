"""The author of an approval, a note or a review, if no setting names one."""

from __future__ import annotations

import getpass
import shutil
import subprocess


def find_author() -> str:
    """Return the user name of Git in the working directory, or else the name of the operating system's user."""
    git = shutil.which("git")
    if git:
        found = subprocess.run([git, "config", "user.name"], capture_output=True, text=True, check=False)  # noqa: S603 -- fixed arguments
        if name := found.stdout.strip():
            return name
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        return "unknown"
