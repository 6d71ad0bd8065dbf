"""The tests of a mutant: those that run its statement, the nearest and fastest first."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import accumulate, chain
from pathlib import Path
from tempfile import TemporaryDirectory

from candidates import ROOT, Mutant

HERE = Path(__file__).parent
PYTHON = ROOT / ".venv" / "bin" / "python"  # with all dependencies of the tests
PYTEST = ("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--numprocesses=0")
BUDGET_S = 30  # seconds of tests per mutant
# Room → its tests, in the order in which they run; tests with the path of the module run before them.
ROOMS = {
    "sync_worker/model": ("tests/model",),
    "sync_worker/sync/plan": ("tests/sync/plan", "tests/sync"),
    "sync_worker/sync/apply": ("tests/sync/apply", "tests/sync"),
    "sync_worker/store": ("tests/store", "tests/sync"),
}


@dataclass(frozen=True)
class Coverage:
    """The tests of each line, by module and line, as positions in `tests`; the seconds of each test."""

    source: str
    tests: Sequence[str]
    seconds: Sequence[float]
    lines: Mapping[str, Mapping[str, Sequence[int]]]


@contextmanager
def copy_project() -> Iterator[Path]:
    """Copy the files under version control to a folder that mutants can change."""
    files = subprocess.run(
        [shutil.which("git") or "git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    with TemporaryDirectory(prefix="mutants-") as folder:
        for name in files.stdout.splitlines():
            if (ROOT / name).is_file():
                target = Path(folder) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, target)
        (Path(folder) / ".venv").symlink_to(ROOT / ".venv")
        # Writes the bytecode of all modules, so that a mutant compiles only its own.
        collect = [PYTHON, *PYTEST, "--collect-only", *_all_paths()]
        subprocess.run(collect, cwd=folder, env=_environment(Path(folder)), capture_output=True, check=True)
        yield Path(folder)


def load_coverage(project: Path, file: Path) -> Coverage:
    """Return which test runs which line, from a file if the code and the tests are still the same."""
    source = _hash_project(project)
    known = Coverage(**json.loads(file.read_text("utf-8"))) if file.exists() else None
    if known is None or known.source != source:
        known = _record_coverage(project, source)
        file.write_text(json.dumps(asdict(known)), encoding="utf-8")
    return known


def _hash_project(project: Path) -> str:
    files = sorted(path for folder in ("sync_worker", "tests") for path in (project / folder).rglob("*.py"))
    return sha256(b"".join(path.read_bytes() for path in files if path.parent.name != HERE.name)).hexdigest()


def _record_coverage(project: Path, source: str) -> Coverage:
    """Run all tests once without a mutant, all of which must pass."""
    file = project / "coverage.json"
    recording = {"LINE_COVERAGE": str(file), "LINE_COVERAGE_ROOMS": ",".join(ROOMS), "PYTHONPATH": f"{project}:{HERE}"}
    command = [PYTHON, *PYTEST, "-p", "line_coverage", *_all_paths()]
    if subprocess.run(command, cwd=project, env={**_environment(project), **recording}, check=False).returncode:
        sys.exit("The tests fail without any mutant.")
    return Coverage(source=source, **json.loads(file.read_text("utf-8")))


def run_tests(project: Path, tests: Sequence[str], timeout_s: float) -> bool:
    """Return whether all tests pass; a test that hangs does not."""
    arguments = project / "selected_tests"
    arguments.write_text("\n".join(tests), encoding="utf-8")
    # Bytecode is not written: that of a mutant could pass for that of the next one.
    environment = {**_environment(project), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [PYTHON, *PYTEST, f"@{arguments}"]
    try:
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _all_paths() -> list[str]:
    return list(dict.fromkeys(chain.from_iterable(ROOMS.values())))


def _environment(project: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONPYCACHEPREFIX": str(project / ".bytecode"), "PYTHONPATH": str(project)}


def select_tests(coverage: Coverage, mutant: Mutant) -> list[str]:
    """Return the tests that run the statement of a mutant, the nearest and fastest first, as many as the budget allows.

    A statement that runs at import has no tests of its own; it has those of its module, or of its room.
    """
    path = Path("tests") / Path(mutant.module).relative_to("sync_worker")
    near = (str(path.with_name(f"test_{path.name}")), f"{path.parent}/", *ROOMS[room_of(mutant.module)])
    lines = coverage.lines[mutant.module]
    first, last = _find_statement(mutant)
    found = {test for line in range(first, last + 1) for test in lines.get(str(line), ())} or set(chain.from_iterable(lines.values()))
    found = found or set(range(len(coverage.tests)))

    def distance(test: int) -> tuple[int, float]:
        name = coverage.tests[test]
        return next((rank for rank, folder in enumerate(near) if name.startswith(folder)), len(near)), coverage.seconds[test]

    ordered = sorted(found, key=distance)
    costs = accumulate(coverage.seconds[test] for test in ordered)
    return [coverage.tests[test] for test, cost in zip(ordered, costs, strict=True) if cost <= BUDGET_S]


def room_of(module: str) -> str:
    """Return the folder of the room of a module."""
    return next(room for room in ROOMS if module.startswith(room + "/"))


def _find_statement(mutant: Mutant) -> tuple[int, int]:
    """Return the first and last line of the innermost statement of a mutant, without the statements in it."""
    tree = ast.parse((ROOT / mutant.module).read_text("utf-8"))
    around = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and _first_line(node) <= mutant.line <= (node.end_lineno or 0)]
    statement = max(around, key=lambda node: (_first_line(node), node.col_offset))
    inner = [_first_line(child) for child in ast.walk(statement) if isinstance(child, ast.stmt) and child is not statement]
    return _first_line(statement), max(mutant.line, min(inner, default=(statement.end_lineno or 0) + 1) - 1)


def _first_line(statement: ast.stmt) -> int:
    """Return the line of a statement or of its first decorator, which Python does not count as a part of it."""
    return min((each.lineno for each in getattr(statement, "decorator_list", ())), default=statement.lineno)
