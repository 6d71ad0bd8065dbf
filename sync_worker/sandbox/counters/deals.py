"""Deal counters of a contact."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.base.timestamps import format_iso, parse_ms
from sync_worker.sandbox.counters.first_last import FirstLast


class DealCounters:
    """The roll-ups of the associated deals; revenue is the sum of the won deals."""

    __slots__ = ("count", "created", "revenue", "won")

    def __init__(self) -> None:
        self.count = 0
        self.created, self.won = FirstLast(), FirstLast()
        self.revenue = Decimal(0)

    def add(self, deal: Row) -> None:
        """Count one deal."""
        properties = deal.get("properties") or {}
        self.count += 1
        if (created := _parse_ms(properties.get("createdate"))) is not None:
            self.created.observe(created)
        if properties.get("hs_is_closed_won") != "true" and properties.get("dealstage") != "closedwon":
            return
        amount = _parse_amount(properties.get("amount"))
        self.revenue += amount or 0
        if (closed := _parse_ms(properties.get("closedate"))) is not None:
            self.won.observe(closed, "" if amount is None else _format_amount(amount))

    def properties(self) -> dict[str, str]:
        """Return the roll-ups that are set."""
        created = {"first_deal_created_date": format_iso(self.created.first[0])} if self.created.first else {}
        revenue = {"total_revenue": _format_amount(self.revenue)} if self.revenue else {}
        return {"num_associated_deals": str(self.count), **created, **self._recent_deal(), **revenue}

    def _recent_deal(self) -> dict[str, str]:
        if not self.won.last:
            return {}
        closed, amount = self.won.last
        return {"recent_deal_close_date": format_iso(closed), **({"recent_deal_amount": amount} if amount else {})}


def _parse_ms(text: str | None) -> int | None:
    return parse_ms(text) if text else None


def _parse_amount(text: str | None) -> Decimal | None:
    try:
        amount = Decimal(text or "")
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _format_amount(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
