"""Models for the tests, read from text as a user writes it."""

from __future__ import annotations

from sync_worker.model.loading import loads
from sync_worker.model.model import Model
from sync_worker.pipeline.outputs import Outputs
from tests.pipeline.worlds import MODEL


def a_model(text: str = MODEL) -> Model:
    return loads(text, "model.yaml")


def outputs_of(text: str = MODEL, prefix: str = "lead") -> Outputs:
    return Outputs(model=a_model(text), prefix=prefix)
