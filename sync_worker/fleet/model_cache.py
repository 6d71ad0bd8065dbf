"""Models by file: hundreds of portals may share one, and reading it takes longer than a quiet run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from sync_worker.model.compiled.loader import load
from sync_worker.model.compiled.model import Model


@dataclass(frozen=True, slots=True)
class ModelCache:
    """Loads a model again once its file has changed; safe to use from several threads."""

    _models: dict[Path, tuple[tuple[int, int], Model]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def load(self, path: Path) -> Model:
        """Return the model of a file; raises ModelError."""
        with self._lock:
            try:
                stat = path.stat()
            except OSError:
                return load(path)  # which says what is wrong with the file
            version = stat.st_mtime_ns, stat.st_size
            known = self._models.get(path)
            if known is None or known[0] != version:
                known = self._models[path] = version, load(path)
            return known[1]
