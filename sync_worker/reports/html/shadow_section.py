"""The section of the report page on the shadow model."""

from __future__ import annotations

from collections.abc import Sequence

from sync_worker.reports.html.numbers import format_number, format_share
from sync_worker.reports.html.page import Part, Section, Table
from sync_worker.reports.shadow_comparison import NamedDispute, ShadowComparison


def build_shadow_section(shadow: ShadowComparison) -> Section:
    """Return the section: the MQLs of both models, and who would be an MQL under one of them only."""
    order = "–" if shadow.rank_correlation is None else f"{shadow.rank_correlation:.2f}"
    numbers = [
        ("MQLs of both", shadow.both),
        ("MQLs of the model only", shadow.only_model),
        ("MQLs of the challenger only", shadow.only_shadow),
        ("contacts with the same score", shadow.same_score),
        ("contacts with the same grade", shadow.same_grade),
    ]
    rows = [(name, format_number(number), format_share(number, shadow.contacts)) for name, number in numbers]
    table = Table(caption="Agreement of the models", columns=("number", "contacts", "share"), rows=rows)
    named = (("MQLs of the model only", shadow.model_mqls), ("MQLs of the challenger only", shadow.shadow_mqls))
    return Section(
        name="challenger",
        title="Challenger",
        text=f"{shadow.model_name} · {shadow.model_hash} was evaluated on the same {format_number(shadow.contacts)} contacts and changes "
        f"nothing in HubSpot. The rank correlation of the scores is {order}; 1 is the same order of contacts.",
        parts=[Part(table=table), *(Part(table=_build_table(caption, mqls)) for caption, mqls in named if mqls)],
    )


def _build_table(caption: str, mqls: Sequence[NamedDispute]) -> Table:
    rows = [
        (
            mql.email or str(mql.contact_id),
            format_number(mql.score),
            format_number(mql.shadow_score),
            f"{mql.since:%Y-%m-%d}" if mql.since else "–",
        )
        for mql in mqls
    ]
    return Table(caption=caption, columns=("contact", "score", "score of the challenger", "MQL of the challenger since"), rows=rows)
