"""Companies API."""

from __future__ import annotations

from sync_worker.hubspot.api.crm.crm_objects import Objects
from sync_worker.hubspot.records.field_parsers import parse_companies
from sync_worker.hubspot.records.models import Company
from sync_worker.hubspot.records.row_parser import RowParser
from sync_worker.hubspot.rest.sdk import Untyped


class Companies(Objects[Company]):
    """The companies of the portal."""

    def __init__(self, apis: Untyped, rows: RowParser) -> None:
        super().__init__("companies", apis, parse_companies, rows, modified_property="hs_lastmodifieddate")
