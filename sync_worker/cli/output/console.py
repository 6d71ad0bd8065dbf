"""Output: text for people on standard output, progress bars on standard error, or one JSON object for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.text import Text

from sync_worker.cli.output.labels import record_label, remove_controls
from sync_worker.progress import Progress


class PlainConsole(Console):
    """A console that prints texts from HubSpot as they are, but without control characters."""

    def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401 -- the options of Rich
        """Return a text as it is printed."""
        return super().render_str(remove_controls(text), **options)


# Long lines are not wrapped, so that output in a file or a pipe keeps one record per line.
out = PlainConsole(highlight=False, soft_wrap=True, emoji=False)
err = PlainConsole(stderr=True, highlight=False, soft_wrap=True, emoji=False)


JSON_VERSION: Final = 1  # rises when a key of docs/json.md is removed or changes its meaning


def print_json(value: Mapping[str, Any]) -> None:
    """Print the result of a command as one JSON object on standard output."""
    out.file.write(
        orjson.dumps({"json_version": JSON_VERSION, **value}, option=orjson.OPT_INDENT_2 if out.is_terminal else None).decode() + "\n"
    )


class TerminalProgress(Progress):
    """One progress bar per counter on standard error; none if it is not a terminal."""

    def __init__(self) -> None:
        columns = SpinnerColumn(), TextColumn("{task.description:18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        self._bars = Bars(*columns, console=err, transient=True, disable=not err.is_terminal)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the bars."""
        self._bars.stop()

    def expect(self, what: str, total: int) -> None:
        """Set the total of a bar."""
        self._bars.update(self._task(what), total=total)

    def advance(self, what: str, number: int) -> None:
        """Advance a bar."""
        self._bars.advance(self._task(what), number)

    def _task(self, what: str) -> TaskID:
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(record_label(what), total=None)
        return self._tasks[what]
