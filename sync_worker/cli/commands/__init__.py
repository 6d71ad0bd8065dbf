"""The commands, one module per concern; `app.py` has their order in `--help`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from sync_worker import log
from sync_worker.cli.commands import approval, contacts, fleet, insight, model, outcomes, runs, sandbox, service, setup, state, status  # noqa: F401 -- the import registers the commands
from sync_worker.cli.commands.app import app
from sync_worker.cli.interruption import print_interruption
from sync_worker.cli.output.console import err
from sync_worker.errors import ConfigurationError, ExitCode, SyncWorkerError
from sync_worker.resource_errors import find_exhaustion


def main() -> NoReturn:
    """Run the command line; an error ends it with a message and an exit code."""
    try:
        _check_arguments(sys.argv[1:])
        app()
    except KeyboardInterrupt:
        print_interruption()
        sys.exit(int(ExitCode.INTERRUPTED))
    except BrokenPipeError:
        # The reader of our output has closed the pipe, such as `head`; this is not an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 -- a bug is reported without personal data, and with its own exit code
        sys.exit(_print_error(find_exhaustion(error) or error))
    sys.exit(0)


def _check_arguments(arguments: Sequence[str]) -> None:
    """Raise ConfigurationError for an argument that is not UTF-8: neither the state nor a message can hold it."""
    for number, argument in enumerate(arguments, start=1):
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise ConfigurationError(f"Argument {number} is not valid UTF-8.", hint="Check the encoding of the terminal.") from None


def _print_error(error: Exception) -> int:
    """Print an error as a sentence, or a bug as a traceback; return the exit code."""
    if not isinstance(error, SyncWorkerError):
        err.print(log.format_traceback(error), markup=False)
        return int(ExitCode.BUG)
    err.print(f"sync-worker: {error}", style="red" if err.is_terminal else None, markup=False, soft_wrap=True)
    return int(error.exit_code)
