"""Mutation test: changes one operator or constant at a time and runs the tests of its room; prints the mutants that survive.

`make mutants` runs a seeded sample over the model, the plan, the writes and the store. A mutant is killed if a test fails. Each known
survivor has its reason in known_survivors.txt. Options: --sample 200 --seed 7 --jobs 1 --only sync_worker/store. The folder .mutants keeps
the outcomes: an interrupted run resumes. A killed mutant is tried again if its module has changed, a survivor if any code or test has.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from queue import Queue
from random import Random

from candidates import ROOT, Mutant, draw_sample, find_mutants
from cosmic_ray.mutating import use_mutation
from cosmic_ray.plugins import get_operator
from selection import BUDGET_S, ROOMS, Coverage, copy_project, load_coverage, room_of, run_tests, select_tests

HERE, RESULTS = Path(__file__).parent, ROOT / ".mutants"


@dataclass(frozen=True)
class Outcome:
    """The result of the tests of one mutant; `change` is its line before and after."""

    mutant: Mutant
    survived: bool
    change: str


def try_mutant(project: Path, mutant: Mutant, coverage: Coverage) -> Outcome:
    """Apply a mutant, run its tests until one fails, and restore the module."""
    operator, tests = get_operator(mutant.operator)(), select_tests(coverage, mutant)
    with use_mutation(project / mutant.module, operator, mutant.number) as (before, after):
        survived = not tests or run_tests(project, tests, timeout_s=60 + 5 * BUDGET_S)
    return Outcome(mutant, survived, _describe_change(before, after))


def _describe_change(before: str, after: str | None) -> str:
    lines = zip(before.splitlines(), (after or before).splitlines(), strict=False)
    old, new = next(((old.strip(), new.strip()) for old, new in lines if old != new), ("", ""))
    return f"{old} → {new}"


def run_mutants(mutants: Sequence[Mutant], jobs: int) -> list[Outcome]:
    """Try mutants in several copies of the project at a time, except those whose outcome is known from an earlier run."""
    projects: Queue[Path] = Queue()
    RESULTS.mkdir(exist_ok=True)

    def run(mutant: Mutant) -> Outcome:
        if mutant in earlier:
            return earlier[mutant]
        project = projects.get()
        try:
            outcome = try_mutant(project, mutant, coverage)
        finally:
            projects.put(project)
        _save(outcome, coverage)
        print("survived" if outcome.survived else "killed  ", f"{mutant.module}:{mutant.line}", outcome.change, file=sys.stderr, flush=True)
        return outcome

    with ExitStack() as copies, ThreadPoolExecutor(jobs) as pool:
        for _ in range(jobs):
            projects.put(copies.enter_context(copy_project()))
        coverage = load_coverage(projects.queue[0], RESULTS / "coverage.json")
        earlier = _load_earlier(coverage)
        return list(pool.map(run, mutants))


def _save(outcome: Outcome, coverage: Coverage) -> None:
    with (RESULTS / "outcomes.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({**asdict(outcome), "source": _hash_source(outcome, coverage)}) + "\n")


def _load_earlier(coverage: Coverage) -> dict[Mutant, Outcome]:
    file = RESULTS / "outcomes.jsonl"
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []
    outcomes = [(Outcome(Mutant(**row["mutant"]), row["survived"], row["change"]), row["source"]) for row in rows]
    return {outcome.mutant: outcome for outcome, source in outcomes if source == _hash_source(outcome, coverage)}


def _hash_source(outcome: Outcome, coverage: Coverage) -> str:
    """Return the hash of the code on which an outcome depends: a new test can kill a survivor."""
    module = ROOT / outcome.mutant.module
    return coverage.source if outcome.survived or not module.exists() else sha256(module.read_bytes()).hexdigest()


def read_known_survivors() -> dict[str, str]:
    """Return the reason for each known survivor, by module and change."""
    lines = (HERE / "known_survivors.txt").read_text("utf-8").splitlines()
    entries = [line for line in lines if line and not line.startswith("#")]
    return dict(zip(entries[::2], (reason.strip() for reason in entries[1::2]), strict=True))


def main() -> None:
    """Run a sample and print the survivors and a table of the rooms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    candidates = [mutant for room in ROOMS for mutant in find_mutants(room) if mutant.module.startswith(options.only)]
    random = Random(options.seed)  # noqa: S311 -- the seed makes the sample reproducible
    outcomes = run_mutants(draw_sample(candidates, options.sample, random), options.jobs)
    known = read_known_survivors()
    for outcome in outcomes:
        if outcome.survived:
            reason = known.get(
                f"{outcome.mutant.module}: {outcome.change}", "not explained: write a test, or its reason in known_survivors.txt"
            )
            print(f"{outcome.mutant.module}:{outcome.mutant.line}: {outcome.change}\n    {reason}")
    _print_table(outcomes)
    print(f"{len(candidates)} candidates, seed {options.seed}.")


def _print_table(outcomes: Sequence[Outcome]) -> None:
    tried = Counter(room_of(outcome.mutant.module) for outcome in outcomes)
    killed = Counter(room_of(outcome.mutant.module) for outcome in outcomes if not outcome.survived)
    for room in tried:
        print(f"{room:24}{killed[room]:4} of {tried[room]:3} mutants killed")
    print(f"{'all':24}{killed.total():4} of {tried.total():3} mutants killed ({killed.total() / max(tried.total(), 1):.0%})")


if __name__ == "__main__":
    main()
