"""Models and CRM schemas for tests, loaded from the text of a model file."""

from __future__ import annotations

from sync_worker.model.compiled.loader import loads
from sync_worker.model.compiled.model import Model
from sync_worker.sync.portal.managed_properties import CrmSchema
from tests.harness import MODEL


def make_model(text: str = MODEL) -> Model:
    return loads(text, "model.yaml")


def make_crm_schema(text: str = MODEL, prefix: str = "lead") -> CrmSchema:
    return CrmSchema(model=make_model(text), prefix=prefix)
