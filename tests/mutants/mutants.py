"""Mutation test: changes one operator or constant at a time and runs the tests of its room; prints the mutants that survive.

`make mutants` runs a seeded sample over the model, the plan, the writes and the store. A mutant is killed if a test fails. Each known
survivor has its reason in known_survivors.txt. Options: --sample 200 --seed 7 --jobs 1 --only sync_worker/store.
"""

from __future__ import annotations

import argparse
import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from queue import Queue
from random import Random
from tempfile import TemporaryDirectory

from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_code, use_mutation
from cosmic_ray.plugins import get_operator, operator_names

ROOT, HERE = Path(__file__).parents[2], Path(__file__).parent
PYTHON = ROOT / ".venv" / "bin" / "python"  # with all dependencies of the tests
# Room → its tests, in the order in which they run; tests with the path of the module run before them.
ROOMS = {
    "sync_worker/model": ("tests/model",),
    "sync_worker/sync/plan": ("tests/sync/plan", "tests/sync"),
    "sync_worker/sync/apply": ("tests/sync/apply", "tests/sync"),
    "sync_worker/store": ("tests/store", "tests/sync"),
}
OPERATORS = (
    "core/ReplaceComparisonOperator_",
    "core/ReplaceBinaryOperator_",
    "core/ReplaceUnaryOperator_",
    "core/ReplaceAndWithOr",
    "core/ReplaceOrWithAnd",
    "core/ReplaceTrueWithFalse",
    "core/ReplaceFalseWithTrue",
    "core/ReplaceBreakWithContinue",
    "core/ReplaceContinueWithBreak",
    "core/NumberReplacer",
    "core/AddNot",
)
# Identity and equality are the same for None and for small values: not a change that a test could see.
EQUIVALENT_OPERATORS = ("_Is_Eq", "_IsNot_NotEq", "_Eq_Is", "_NotEq_IsNot")
TIMEOUT_S = 600
NO_TESTS_CODE = 5  # exit code of pytest for a path without tests
PYTEST = ("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--numprocesses=0")


@dataclass(frozen=True, order=True)
class Mutant:
    """One change of one module; `number` counts the places at which the operator applies."""

    module: str
    line: int
    column: int
    operator: str
    number: int


@dataclass(frozen=True)
class Outcome:
    """The result of the tests of one mutant; `change` is its line before and after."""

    mutant: Mutant
    survived: bool
    change: str


def find_mutants(room: str) -> Iterator[Mutant]:
    """Yield all mutants of a room, except changes of annotations and of the options of a dataclass, which no test can see."""
    names = [name for name in operator_names() if name.startswith(OPERATORS) and not name.endswith(EQUIVALENT_OPERATORS)]
    for path in sorted((ROOT / room).rglob("*.py")):
        module, nodes, skipped = str(path.relative_to(ROOT)), list(ast_nodes(get_ast_from_path(path))), _find_skipped_spans(path)
        for name in names:
            operator = get_operator(name)()
            positions = (start for node in nodes for start, _ in operator.mutation_positions(node))
            for number, (line, column) in enumerate(positions):
                if not any(first <= (line, column) < last for first, last in skipped):
                    yield Mutant(module, line, column, name, number)


def draw_sample(candidates: Sequence[Mutant], size: int, random: Random) -> list[Mutant]:
    """Return at most one mutant of each place in the code, so that an operator with many replacements counts once."""
    places: dict[tuple[str, int, int], list[Mutant]] = {}
    for mutant in sorted(candidates):
        places.setdefault((mutant.module, mutant.line, mutant.column), []).append(mutant)
    one_each = [random.choice(mutants) for mutants in places.values()]
    random.shuffle(one_each)
    return sorted(islice(filter(is_valid_code, one_each), size))


def is_valid_code(mutant: Mutant) -> bool:
    """Return whether the changed module still compiles; the tool also replaces the stars of `{**a}` and `*a`."""
    code = mutate_code((ROOT / mutant.module).read_text("utf-8"), get_operator(mutant.operator)(), mutant.number)
    try:
        compile(code or "", mutant.module, "exec")
    except SyntaxError:
        return False
    return code is not None


def _find_skipped_spans(path: Path) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    found: list[ast.expr] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        annotations = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        decorators = [each for each in getattr(node, "decorator_list", ()) if ast.unparse(each).startswith("dataclass")]
        found += [each for each in (*annotations, *decorators) if isinstance(each, ast.expr)]
    return [((each.lineno, each.col_offset), (each.end_lineno or 0, each.end_col_offset or 0)) for each in found]


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
        compile_all = [PYTHON, "-m", "compileall", "-q", "sync_worker"]
        subprocess.run(compile_all, cwd=folder, env={**os.environ, **_bytecode_folder(Path(folder))}, check=True)
        yield Path(folder)


def run_tests(project: Path, path: str) -> bool:
    """Return whether all tests of a path pass; a test that hangs does not."""
    # Bytecode is not written: that of a mutant could pass for that of the next one.
    environment = {**os.environ, **_bytecode_folder(project), "PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [PYTHON, *PYTEST, path]
    try:
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode in {0, NO_TESTS_CODE}


def _bytecode_folder(project: Path) -> dict[str, str]:
    return {"PYTHONPYCACHEPREFIX": str(project / ".bytecode")}


def select_test_steps(project: Path, module: str) -> list[str]:
    """Return the tests of a module in the order in which they run: those of the module, of its folder, of its room."""
    room = next(room for room in ROOMS if module.startswith(room + "/"))
    path = Path("tests") / Path(module).relative_to("sync_worker")
    near = [path.with_name(f"test_{path.name}"), path.parent]
    return list(dict.fromkeys(str(each) for each in (*near, *ROOMS[room]) if (project / each).exists()))


def try_mutant(project: Path, mutant: Mutant) -> Outcome:
    """Apply a mutant, run its tests until one fails, and restore the module."""
    operator = get_operator(mutant.operator)()
    with use_mutation(project / mutant.module, operator, mutant.number) as (before, after):
        failed = next((step for step in select_test_steps(project, mutant.module) if not run_tests(project, step)), None)
    if failed is not None and not passes_unchanged(project, failed):
        sys.exit(f"The tests of {failed} fail without any mutant.")
    return Outcome(mutant, failed is None, _describe_change(before, after))


@cache
def passes_unchanged(project: Path, step: str) -> bool:
    """Return whether tests pass without a mutant; a mutant that they do not pass is killed only then."""
    return run_tests(project, step)


def _describe_change(before: str, after: str | None) -> str:
    lines = zip(before.splitlines(), (after or before).splitlines(), strict=False)
    old, new = next(((old.strip(), new.strip()) for old, new in lines if old != new), ("", ""))
    return f"{old} → {new}"


def run_mutants(mutants: Sequence[Mutant], jobs: int) -> list[Outcome]:
    """Try mutants in several copies of the project at a time."""
    projects: Queue[Path] = Queue()

    def run(mutant: Mutant) -> Outcome:
        project = projects.get()
        try:
            outcome = try_mutant(project, mutant)
        finally:
            projects.put(project)
        print("survived" if outcome.survived else "killed  ", f"{mutant.module}:{mutant.line}", outcome.change, file=sys.stderr, flush=True)
        return outcome

    with ExitStack() as copies, ThreadPoolExecutor(jobs) as pool:
        for _ in range(jobs):
            projects.put(copies.enter_context(copy_project()))
        return list(pool.map(run, mutants))


def read_known_survivors() -> dict[str, str]:
    """Return the reason for each known survivor, by module and change."""
    lines = (HERE / "known_survivors.txt").read_text("utf-8").splitlines()
    entries = [line for line in lines if line and not line.startswith("#")]
    return dict(zip(entries[::2], (reason.strip() for reason in entries[1::2]), strict=True))


def main() -> None:
    """Run a sample and print the survivors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    candidates = [mutant for room in ROOMS for mutant in find_mutants(room) if mutant.module.startswith(options.only)]
    random = Random(options.seed)  # noqa: S311 -- the seed makes the sample reproducible
    outcomes = run_mutants(draw_sample(candidates, options.sample, random), options.jobs)
    known, survivors = read_known_survivors(), [outcome for outcome in outcomes if outcome.survived]
    for outcome in survivors:
        reason = known.get(
            f"{outcome.mutant.module}: {outcome.change}", "not explained: write a test, or its reason in known_survivors.txt"
        )
        print(f"{outcome.mutant.module}:{outcome.mutant.line}: {outcome.change}\n    {reason}")
    killed = len(outcomes) - len(survivors)
    print(f"{killed} of {len(outcomes)} mutants killed ({killed / len(outcomes):.0%}); {len(candidates)} candidates, seed {options.seed}.")


if __name__ == "__main__":
    main()
