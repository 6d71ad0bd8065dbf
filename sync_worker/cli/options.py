"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ContactArgument = Annotated[str, typer.Argument(metavar="EMAIL|ID", help="Email address or id of a contact.", show_default=False)]
ModelOption = Annotated[Path | None, typer.Option("--model", metavar="FILE", help="Use another model file. Default: SYNC_WORKER_MODEL.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else there.")]
AllowLargeOption = Annotated[
    bool, typer.Option("--allow-large", help="Allow a plan that exceeds max_changed_share, max_new_mqls_share or max_new_mqls.")
]
NoteOption = Annotated[str, typer.Option(metavar="TEXT", help="What was found and decided.", show_default=False)]
NoNamesOption = Annotated[bool, typer.Option("--no-names", help="Show ids instead of names and addresses, and no texts of users.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Log every event with all its values.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show the changes; write nothing to HubSpot.")]
