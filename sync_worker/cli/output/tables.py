"""Tables on the terminal."""

from __future__ import annotations

from rich.console import RenderableType
from rich.style import StyleType
from rich.table import Table
from rich.text import Text

from sync_worker.cli.output.labels import remove_controls


class PlainTable(Table):
    """A table whose cells are plain text: labels and names may contain brackets, which are no markup."""

    def add_row(self, *cells: RenderableType | None, style: StyleType | None = None, end_section: bool = False) -> None:
        """Add a row."""
        plain = (Text(remove_controls(cell)) if isinstance(cell, str) else cell for cell in cells)
        super().add_row(*plain, style=style, end_section=end_section)


def build_table(*headings: tuple[str, str]) -> Table:
    """Return a table without borders; a heading is a text with `left` or `right`."""
    table = PlainTable(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, justify in headings:
        table.add_column(Text(name), justify="right" if justify == "right" else "left")
    return table
