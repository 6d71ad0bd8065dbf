"""Output of a plan: the gravest changes first, as text or Markdown."""

from __future__ import annotations

import re
from typing import Final

from sync_worker.cli.output.console import out
from sync_worker.cli.output.labels import format_count, remove_controls
from sync_worker.reports.texts.plan_changes import LABELS, describe_changes
from sync_worker.sync.handoff.neutral_text import ZERO_WIDTH_SPACE, neutralize
from sync_worker.sync.plan.contact_names import NO_NAME
from sync_worker.sync.plan.plan import Consequence, ContactChange
from sync_worker.sync.plan.plan_summary import PlanSummary
from sync_worker.sync.run_report import RunReport

_MARKDOWN: Final = re.compile(r"[\\`*<>\[\]|]")
_ISSUE: Final = re.compile(r"#(?=\d)")


def print_plan(plan: PlanSummary) -> None:
    """Print the gravest changes of a plan, and the number of changes of each property."""
    for change in plan.samples:
        out.print(f"  {LABELS[change.consequence][0]:15} {_name(plan, change)}", markup=False)
        for line in describe_changes(change):
            out.print(f"    {line}", markup=False)
    shown, detailed = len(plan.samples), sum(number for kind, number in plan.consequences.items() if kind in LABELS)
    if detailed > shown:
        out.print(f"  and {format_count(detailed - shown, 'more contact')}", markup=False)
    if plan.properties:
        counts = ", ".join(f"{name} {number:,}" for name, number in sorted(plan.properties.items()))
        out.print(f"  values    {counts}", markup=False)


def summarize_plan(plan: PlanSummary) -> str:
    """Return a plan in one line: contacts by their gravest change, and list members."""
    parts = [format_count(plan.consequences[kind], *labels) for kind, labels in LABELS.items() if plan.consequences[kind]]
    if renamed := plan.consequences[Consequence.MODEL_NAME]:
        parts.append(f"{format_count(renamed, 'contact')} with another model name only")
    members = sum(sum(counts.values()) for counts in plan.lists.values())
    parts += [format_count(members, "list member")] if members else []
    return ", ".join(parts) or "no changes"


def format_markdown(plan: PlanSummary, *, refused: str | None = None) -> str:
    """Return a plan as a Markdown table, for a pull request; `refused` is why the run would not carry it out."""
    lines = [f"**Plan:** {summarize_plan(plan)}", ""]
    lines += [f"**Refused:** {refused}", ""] if refused else []
    if plan.samples:
        lines += ["| change | contact | values |", "| --- | --- | --- |"]
    for change in plan.samples:
        values = "<br>".join(_escape(line) for line in describe_changes(change))
        lines.append(f"| {LABELS[change.consequence][0]} | {_escape(_name(plan, change))} | {values} |")
    lines += ["" for _ in plan.lists][:1]
    lines += [f"- list {_escape(name)}: {counts['add']:,} to add, {counts['remove']:,} to remove" for name, counts in plan.lists.items()]
    return "\n".join([*lines, ""])


def print_markdown(report: RunReport) -> None:
    """Print the plan of a dry run as Markdown."""
    out.file.write(format_markdown(report.plan, refused=report.unsafe))


def _name(plan: PlanSummary, change: ContactChange) -> str:
    name = plan.names.get(change.id, NO_NAME).text
    return f"{name} ({change.id})" if name else f"contact {change.id}"


def _escape(text: str) -> str:
    # A name must not notify users, refer to an issue, or become a link.
    return _ISSUE.sub(f"#{ZERO_WIDTH_SPACE}", _MARKDOWN.sub(r"\\\g<0>", neutralize(remove_controls(text))))
