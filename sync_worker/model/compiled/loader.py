"""The loader of model files: every error names the file, the place, the key and, if possible, the correction."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from sync_worker.errors import ModelError
from sync_worker.model.compiled.lint import find_errors, find_warnings
from sync_worker.model.compiled.model import Model
from sync_worker.model.compiled.schema_errors import describe_errors
from sync_worker.model.file import yaml_source as yaml
from sync_worker.model.file.schema import Document
from sync_worker.model.file.yaml_source import Diagnostic

_MAX_DIAGNOSTICS: Final = 25  # per error message
_HINT: Final = "Correct the model file, then run `sync-worker model check`."


def load(path: Path) -> Model:
    """Load a model file.

    Raises:
        ModelError: The file cannot be read or is not valid; the message lists the problems.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read: {error.strerror}.", hint="Give the path of a model file: --model, or SYNC_WORKER_MODEL."
        ) from error
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: is not UTF-8 text (byte {error.start}).", hint="Save the file as UTF-8.") from error
    return loads(text, str(path))


def loads(text: str, source: str) -> Model:
    """Load a model from text; `source` is the name of the file in messages.

    Raises:
        ModelError: The text is not valid; the message lists the problems.
    """
    read = yaml.parse_yaml(text)
    if read.diagnostics:
        raise _build_error(read.diagnostics, source)
    try:
        document = Document.model_validate(read.data)
    except ValidationError as error:
        diagnostics, number = describe_errors(error, read, limit=_MAX_DIAGNOSTICS)
        raise _build_error(diagnostics, source, number=number) from None
    # The first ones are enough: a proposal for each of thousands of names would take minutes.
    errors = [read.diagnose(path, message) for path, message in islice(find_errors(document), 4 * _MAX_DIAGNOSTICS)]
    if errors:
        raise _build_error(errors, source)
    warnings = (read.diagnose(path, message) for path, message in find_warnings(document))
    return Model(document=document, source=source, warnings=tuple(warning.render(source) for warning in warnings))


def _build_error(diagnostics: Iterable[Diagnostic], source: str, *, number: int = 0) -> ModelError:
    """Return the error with the first diagnostics; `number`: of all problems, if it is larger."""
    ordered = sorted(set(diagnostics), key=lambda problem: (problem.place, problem.key))
    lines = [problem.render(source) for problem in ordered[:_MAX_DIAGNOSTICS]]
    if (more := max(number, len(ordered)) - len(lines)) > 0:
        lines.append(f"... and {more} more")
    return ModelError("\n".join(lines), hint=f"\n{_HINT}")
