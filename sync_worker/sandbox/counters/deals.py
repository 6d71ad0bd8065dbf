"""What a contact bought, or may buy."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.base.timestamps import iso, parse_ms
from sync_worker.sandbox.counters.first_last import Ends


class Deals:
    """The roll-ups of the deals that a contact is associated with; revenue is of the deals that were won."""

    __slots__ = ("count", "created", "revenue", "won")

    def __init__(self) -> None:
        self.count = 0
        self.created, self.won = Ends(), Ends()
        self.revenue = Decimal(0)

    def add(self, deal: Row) -> None:
        """Count one deal."""
        properties = deal.get("properties") or {}
        self.count += 1
        if (created := _ms(properties.get("createdate"))) is not None:
            self.created.see(created)
        if properties.get("hs_is_closed_won") != "true" and properties.get("dealstage") != "closedwon":
            return
        amount = _amount(properties.get("amount"))
        self.revenue += amount or 0
        if (closed := _ms(properties.get("closedate"))) is not None:
            self.won.see(closed, "" if amount is None else _plain(amount))

    def properties(self) -> dict[str, str]:
        """Return the roll-ups that HubSpot shows."""
        created = {"first_deal_created_date": iso(self.created.first[0])} if self.created.first else {}
        revenue = {"total_revenue": _plain(self.revenue)} if self.revenue else {}
        return {"num_associated_deals": str(self.count), **created, **self._recent(), **revenue}

    def _recent(self) -> dict[str, str]:
        if not self.won.last:
            return {}
        closed, amount = self.won.last
        return {"recent_deal_close_date": iso(closed), **({"recent_deal_amount": amount} if amount else {})}


def _ms(text: str | None) -> int | None:
    return parse_ms(text) if text else None


def _amount(text: str | None) -> Decimal | None:
    try:
        amount = Decimal(text or "")
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
