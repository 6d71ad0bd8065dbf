"""A reload checks the model and the settings against the portal before it takes them over."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_worker.errors import ConfigurationError, ModelError, SyncWorkerError
from sync_worker.service.reload import build_reloaded
from tests.harness import MODEL, Harness, start_harness


def reload_model(harness: Harness, text: str) -> str:
    harness.use_model(MODEL)
    with harness.worker() as worker:
        before = worker.model.hash
        harness.use_model(text)
        after = build_reloaded(worker, lambda: worker.settings)
        assert worker.model.hash == before
        after.close()
        return after.model.hash


def test_a_reload_uses_the_model_of_the_file_and_an_unreadable_one_changes_nothing(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        with harness.worker() as worker:
            before = worker.model.hash
        assert reload_model(harness, MODEL.replace("threshold: 20", "threshold: 18")) != before
        cases: list[tuple[str, type[SyncWorkerError], str]] = [
            ("version: 1\nname: [", ModelError, "model.yaml:2"),
            (MODEL.replace("threshold", "treshold"), ModelError, "treshold"),
        ]
        for text, kind, place in cases:
            with pytest.raises(kind, match=place):
                reload_model(harness, text)
        with harness.worker() as worker:
            harness.use_model(MODEL)
            settings = worker.settings.model_copy(update={"property_prefix": "other"})
            with pytest.raises(ConfigurationError, match="no property other_grade"):
                build_reloaded(worker, lambda: settings)
