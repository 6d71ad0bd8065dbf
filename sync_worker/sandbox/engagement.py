"""What people did: e-mail events, event occurrences, form submissions. Rows are kept as JSON, ready to be sent."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson

from sync_worker.sandbox.data import PortalData, Row
from sync_worker.sandbox.instants import parse_ms


class Timeline:
    """Rows in the order of time, each with a type and with whom it belongs to.

    A position in the timeline stays valid as long as rows are added at its end.
    """

    def __init__(self, rows: Iterable[Row], *, at: Callable[[Row], int], kind: str, who: Callable[[Row], str]) -> None:
        noted = [(at(row), str(row.get(kind, "")), who(row), orjson.dumps(row)) for row in rows]
        noted.sort(key=lambda item: item[0])
        shared: dict[str, str] = {}
        self._at = array("q", [item[0] for item in noted])
        self._kind = [shared.setdefault(item[1], item[1]) for item in noted]
        self._who = [shared.setdefault(item[2], item[2]) for item in noted]
        self._rows = [item[3] for item in noted]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return (orjson.loads(row) for row in self._rows)

    def row(self, position: int) -> Row:
        """Return the row at a position."""
        found: Row = orjson.loads(self._rows[position])
        return found

    def raw(self, position: int) -> orjson.Fragment:
        """Return the row at a position, to be put into a reply as it is."""
        return orjson.Fragment(self._rows[position])

    def kinds(self) -> list[str]:
        """Return the types that occur."""
        return sorted(set(self._kind))

    def between(self, start: int | None, end: int | None) -> range:
        """Return the positions from `start` to `end` in epoch milliseconds, both inclusive."""
        first = 0 if start is None else bisect_left(self._at, start)
        last = len(self._at) if end is None else bisect_right(self._at, end)
        return range(first, max(first, last))

    def of(self, positions: range, *, kind: str | None = None, who: str | None = None) -> Iterator[int]:
        """Yield those of the positions that have a type and belong to somebody, in the order of `positions`."""
        kinds, owners = self._kind, self._who
        return (at for at in positions if (kind is None or kinds[at] == kind) and (who is None or owners[at] == who))

    def newest(self, who: str, limit: int) -> list[Row]:
        """Return the last rows of somebody, newest first."""
        found: list[Row] = []
        for at in self.of(range(len(self) - 1, -1, -1), who=who):
            found.append(self.row(at))
            if len(found) == limit:
                break
        return found


class Forms:
    """The forms of the portal and what was sent with each."""

    def __init__(self, forms: Iterable[Row], submissions: Iterable[Row]) -> None:
        self.by_id: dict[str, Row] = {str(form["id"]): form for form in forms}
        sent: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
        for row in submissions:
            sent[str(row["formId"])].append((int(row["submittedAt"]), orjson.dumps(row)))
        self._sent = {form: [raw for _, raw in sorted(rows, key=lambda item: item[0])] for form, rows in sent.items()}

    def submissions(self, form_id: str) -> list[bytes]:
        """Return the rows of a form as JSON, oldest first."""
        return self._sent.get(form_id, [])

    def all_submissions(self) -> Iterator[Row]:
        """Yield every submission."""
        return (orjson.loads(raw) for rows in self._sent.values() for raw in rows)


class Engagement:
    """Everything that people did in this portal."""

    def __init__(self, data: PortalData) -> None:
        self.email_events = Timeline(
            data.email_events, at=lambda row: int(row["created"]), kind="type", who=lambda row: str(row.get("recipient", "")).lower()
        )
        self.occurrences = Timeline(
            data.events, at=lambda row: parse_ms(row["occurredAt"]) or 0, kind="eventType", who=lambda row: str(row.get("objectId", ""))
        )
        self.forms = Forms(data.forms, data.submissions)

    def of_contact(self, contact_id: int, email: str | None, limit: int) -> list[dict[str, Any]]:
        """Return what one contact did, newest first: {at (epoch milliseconds), kind, row}."""
        seen = [
            {"at": parse_ms(row["occurredAt"]) or 0, "kind": row["eventType"], "row": row}
            for row in self.occurrences.newest(str(contact_id), limit)
        ]
        if email:
            seen += [{"at": int(row["created"]), "kind": row["type"], "row": row} for row in self.email_events.newest(email.lower(), limit)]
            seen += [{"at": int(row["submittedAt"]), "kind": "FORM_SUBMISSION", "row": row} for row in self._sent_by(email.lower())]
        return sorted(seen, key=lambda item: -int(item["at"]))[:limit]

    def _sent_by(self, email: str) -> Iterator[Row]:
        for row in self.forms.all_submissions():
            if any(value.get("name") == "email" and str(value.get("value", "")).lower() == email for value in row.get("values", ())):
                yield row
