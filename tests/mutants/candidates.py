"""The mutants of a room: one changed operator or constant each."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random

from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).parents[2]
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
# Options that change no result: they forbid a way to call, set the size of a cache, or guard against a mistake in this code.
OPTION_DECORATORS = ("dataclass", "lru_cache")
OPTION_ARGUMENTS = {("zip", "strict"), ("Column", "autoincrement"), ("sa.Column", "autoincrement")}


@dataclass(frozen=True, order=True)
class Mutant:
    """One change of one module; `number` counts the places at which the operator applies."""

    module: str
    line: int
    column: int
    operator: str
    number: int


def find_mutants(room: str) -> Iterator[Mutant]:
    """Yield all mutants of a room, except changes that no test can see: annotations, options of classes, the star of a signature."""
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
    found: list[ast.expr | ast.keyword] = []
    stars = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        annotations = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        decorators = [each for each in getattr(node, "decorator_list", ()) if ast.unparse(each).startswith(OPTION_DECORATORS)]
        found += [each for each in (*annotations, *decorators, *_find_options(node)) if isinstance(each, ast.expr | ast.keyword)]
        if isinstance(node, ast.FunctionDef) and node.args.kwonlyargs:
            stars.append(_find_star(node))
    return [((each.lineno, each.col_offset), (each.end_lineno or 0, each.end_col_offset or 0)) for each in found] + stars


def _find_options(node: ast.AST) -> list[ast.keyword]:
    if isinstance(node, ast.ClassDef):
        return node.keywords
    if isinstance(node, ast.Call):
        return [each for each in node.keywords if (ast.unparse(node.func), each.arg or "") in OPTION_ARGUMENTS]
    return []


def _find_star(function: ast.FunctionDef) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the span of the star after the arguments by position."""
    first = function.args.kwonlyargs[0]
    before: tuple[ast.arg | ast.expr, ...] = (*function.args.posonlyargs, *function.args.args, *function.args.defaults)
    ends = [(each.end_lineno or 0, each.end_col_offset or 0) for each in before]
    return max(ends, default=(function.lineno, function.col_offset)), (first.lineno, first.col_offset)
