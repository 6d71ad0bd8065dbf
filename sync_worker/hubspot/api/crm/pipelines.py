"""Pipelines API: the stages of deals, and which of them end a deal as won or lost."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from sync_worker.hubspot.records.field_parsers import translate_parse_errors
from sync_worker.hubspot.records.field_types import TextId, convert
from sync_worker.hubspot.records.row_parser import RowParser
from sync_worker.hubspot.rest.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class DealStage:
    """A stage of a pipeline of deals."""

    pipeline: str
    id: str
    is_closed: bool
    is_won: bool


class _Metadata(msgspec.Struct, rename="camel"):
    is_closed: str | bool | None = None
    probability: str | float | None = None


class _Stage(msgspec.Struct):
    id: TextId
    metadata: _Metadata | None = None


class _Pipeline(msgspec.Struct):
    id: TextId
    stages: tuple[_Stage, ...]


class Pipelines:
    """The pipelines of deals."""

    def __init__(self, transport: Transport, rows: RowParser) -> None:
        self._transport = transport
        self._rows = rows

    def read_deal_stages(self) -> tuple[DealStage, ...]:
        """Return the stages of all pipelines of deals. A closed stage with the probability 1 is won."""
        data = self._transport.get("/crm/v3/pipelines/deals")
        with translate_parse_errors("read the pipelines of deals"):
            pipelines = self._rows.parse(data["results"], _parse_pipeline, operation="read the pipelines of deals").items
        return tuple(stage for stages in pipelines for stage in stages)


def _parse_pipeline(row: object) -> tuple[DealStage, ...]:
    pipeline = convert(row, _Pipeline)
    return tuple(_build_stage(pipeline.id, stage.id, stage.metadata or _Metadata()) for stage in pipeline.stages)


def _build_stage(pipeline: str, id_: str, metadata: _Metadata) -> DealStage:
    try:
        probability = float(metadata.probability or 0)
    except ValueError:
        probability = 0
    is_closed = str(metadata.is_closed).lower() == "true"
    return DealStage(pipeline=pipeline, id=id_, is_closed=is_closed, is_won=is_closed and probability >= 1)
