"""Text output of the commands of model files: check, evaluate, diff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sync_worker.cli.output.console import err, out
from sync_worker.cli.output.labels import format_count, format_score
from sync_worker.cli.output.setup import print_unavailable_criteria
from sync_worker.model.i18n.phrases import format_minus
from sync_worker.reports.model_comparison import ModelComparison
from sync_worker.reports.model_summary import ModelSummary

MAX_TRANSITIONS: Final = 10  # of bands, grades and MQLs each; thirteen grades have 156 transitions


def print_model(summary: ModelSummary) -> None:
    """Print the summary of a model file."""
    out.print(f"  model     {summary.name} · {summary.hash} ({summary.file})", markup=False)
    score = f"{summary.minimum:g} to {summary.maximum:g}; MQL from {summary.threshold:g}"
    out.print(f"  score     {format_minus(score)}", markup=False)
    out.print(f"  bands     {', '.join(summary.bands)}", markup=False)
    out.print(f"  reads     events: {', '.join(summary.events) or 'none'}", markup=False)
    out.print(f"  reads     properties: {', '.join(summary.properties) or 'none'}", markup=False)
    if summary.portal:
        out.print(f"  here      {summary.reachable:g} of {summary.maximum:g} points reachable on this portal", markup=False)
        print_unavailable_criteria(summary.portal.not_visible, summary.portal.unreachable_criteria)
        for step in summary.portal.setup:
            out.print(f"  setup     {step.action} {step.kind} {step.name} ({step.reason})", style="yellow", markup=False)
    for warning in summary.warnings:
        out.print(f"  warning   {warning}", style="yellow", markup=False)


def print_evaluation(evaluation: Mapping[str, Any]) -> None:
    """Print the highest scores of an offline evaluation."""
    _print_warnings(evaluation["warnings"])
    contacts = format_count(len(evaluation["verdicts"]), "contact")
    out.print(f"{contacts} as of {evaluation['at']}, model {evaluation['model']}; the highest scores:", markup=False)
    if evaluation["frozen"]:
        names = ", ".join(evaluation["frozen"])
        err.print(f"  no history in the folder, so with the values of today: {names}", style="yellow", markup=False)
    highest = sorted(evaluation["verdicts"], key=lambda verdict: (-verdict["score"], int(verdict["id"])))[:20]
    for verdict in highest:
        grade = format_minus(verdict["grade"] or "")
        out.print(
            f"  {verdict['id']:>12}  {format_score(verdict['score']):>4}  {grade:2}  {verdict['band']}{'  MQL' if verdict['mql'] else ''}",
            markup=False,
        )


def print_table_summary(rows: int, models: Mapping[str, str], file: Path, warnings: Sequence[str]) -> None:
    """Print what a table of verdicts contains; `models`: the hash that its rows have, by the name of the model."""
    _print_warnings(warnings)
    out.print(f"wrote {rows:,} rows to {file}", markup=False)
    for name, model_hash in models.items():
        out.print(f"  {model_hash}  {name}", markup=False)


def _print_warnings(warnings: Sequence[str]) -> None:
    for warning in warnings:
        err.print(f"  {warning}", style="yellow", markup=False)


def print_comparison(comparison: ModelComparison) -> None:
    """Print the changes of the model and the contacts that they affect."""
    for sentence in comparison.model_changes or ["no differences between the models"]:
        out.print(f"  {sentence}", markup=False)
    contacts = format_count(comparison.contacts, "contact")
    out.print(f"\n{contacts} evaluated with both models, {comparison.score_changes:,} with a different score", markup=False)
    for dimension, transitions in comparison.transitions.items():
        for transition in transitions[:MAX_TRANSITIONS]:
            before, after = (_format_value(dimension, value) for value in (transition.before, transition.after))
            names = ", ".join(comparison.emails.get(id_) or str(id_) for id_ in transition.ids[:8])
            more = " ..." if transition.contacts > 8 else ""
            out.print(f"  {dimension:5} {before} → {after}: {transition.contacts:,} ({names}{more})", markup=False)
        if rest := transitions[MAX_TRANSITIONS:]:
            contacts = format_count(sum(transition.contacts for transition in rest), "contact")
            out.print(f"  {dimension:5} {format_count(len(rest), 'rarer change')} of {contacts}; --json lists all", markup=False)


def _format_value(dimension: str, value: str) -> str:
    if dimension == "mql":
        return "MQL" if value == "true" else "not an MQL"
    return format_minus(value) if dimension == "grade" else value
