"""Companies: what a contact's primary company is like."""

from __future__ import annotations

from typing import Any

from sync_worker.hubspot.objects import Objects
from sync_worker.hubspot.parsing import company
from sync_worker.hubspot.records import Company


class Companies(Objects[Company]):
    """The companies of the portal."""

    def __init__(self, apis: Any) -> None:  # noqa: ANN401 - the SDK has no types
        super().__init__("companies", apis, company, modified="hs_lastmodifieddate")
