from __future__ import annotations

import inspect
import re

import pytest

from sync_worker import errors
from sync_worker.errors import ExitCode, FatalError, RecordError, SyncWorkerError, TransientError, Unavailable, explain_extra

ALL = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, SyncWorkerError)]


def test_the_docstring_shows_the_class_hierarchy() -> None:
    drawn = re.findall(r"([│ ]*)[├└]── (\w+)", str(errors.__doc__))
    parents: dict[int, type[SyncWorkerError]] = {0: SyncWorkerError}
    for indent, name in drawn:
        depth = len(indent) // 4 - 1  # the drawing is indented by one level
        each = getattr(errors, name)
        assert each.__base__ is parents[depth], name
        parents[depth + 1] = each
    assert {name for _, name in drawn} | {"SyncWorkerError"} == {each.__name__ for each in ALL}


def test_the_docstring_shows_the_exit_codes() -> None:
    drawn = dict(re.findall(r"── (\w+).*exit (\d)", str(errors.__doc__)))
    assert {"ConfigurationError", "AccessDenied", "UnsafePlan", "TransientError", "BadRequest"} <= set(drawn)
    assert {name: getattr(errors, name).exit_code for name in drawn} == {name: int(code) for name, code in drawn.items()}


@pytest.mark.parametrize("error", [each for each in ALL if each not in (SyncWorkerError, FatalError, TransientError, RecordError)])
def test_every_error_has_one_consequence_and_an_exit_code(error: type[SyncWorkerError]) -> None:
    assert sum(issubclass(error, consequence) for consequence in (FatalError, TransientError, RecordError)) == 1
    assert ExitCode(error.exit_code) not in {ExitCode.DONE, ExitCode.SOME_REJECTED}  # 1 is a run that is done
    if issubclass(error, TransientError):
        assert error.exit_code is ExitCode.TRY_AGAIN


@pytest.mark.parametrize("error", ALL)
def test_the_default_message_is_the_docstring(error: type[SyncWorkerError]) -> None:
    assert error().message == inspect.cleandoc(str(error.__doc__))
    assert str(error()).endswith(".")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FatalError("It is invalid."), "It is invalid."),
        (FatalError("It is invalid.", hint="Correct it."), "It is invalid. Correct it."),
        (FatalError("It is invalid.", operation="read contacts", hint="Correct it."), "read contacts: It is invalid. Correct it."),
    ],
)
def test_an_error_names_the_operation_the_cause_and_a_hint(error: SyncWorkerError, text: str) -> None:
    assert str(error) == text


def test_an_extra_is_installed_where_the_program_is() -> None:
    assert "`pip install '.[ui]'` in a checkout" in explain_extra("ui", prefix="/srv/venv")
    assert "`pipx install --force 'sync_worker-" in explain_extra("ui", prefix="/home/ada/.local/share/pipx/venvs/sync-worker")


def test_a_response_with_retry_after_carries_it() -> None:
    assert Unavailable("Later.", operation="read", retry_after=12.5).retry_after == 12.5
    assert Unavailable().retry_after is None
