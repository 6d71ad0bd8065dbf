"""The message to sales about a new MQL, in the language of the model."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from sync_worker.hubspot.records.models import AccountDetails, Contact
from sync_worker.model.i18n.phrases import HandOffPhrases, format_minus
from sync_worker.model.i18n.translations import load_translation
from sync_worker.store.writes.hand_offs import WaitingHandOff
from sync_worker.sync.handoff.neutral_text import neutralize
from sync_worker.sync.portal.managed_properties import CrmSchema

NAME_PROPERTIES = ("firstname", "lastname", "email")
MAX_NAME_LENGTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class MqlMessage:
    """Builds messages; without `with_names`, they contain no personal data, only the id of the contact."""

    crm_schema: CrmSchema
    with_names: bool = True

    def subject(self, row: WaitingHandOff, contact: Contact) -> str:
        """Return who is a new MQL, with score and grade."""
        return self._phrases.subject.format(name=self._headline(row, contact))

    def digest_subject(self, number: int) -> str:
        """Return how many new MQLs a message lists."""
        return self._phrases.digest.format(number=f"{number:,}")

    def body(self, row: WaitingHandOff, contact: Contact, account: AccountDetails) -> str:
        """Return the reasons, a link to the record, and the key as the last word; as HTML, because HubSpot shows notes as rich text."""
        lines = [*self._lines(row, contact, account), f"sync_worker {row.key}"]
        return "<br>".join(html.escape(line, quote=False) for line in lines)

    def text(self, row: WaitingHandOff, contact: Contact, account: AccountDetails) -> str:
        """Return the reasons and a link to the record as plain text for a chat."""
        *lines, record = self._lines(row, contact, account)
        return "\n".join([*map(neutralize, lines), record])

    def entry(self, row: WaitingHandOff, contact: Contact, account: AccountDetails) -> str:
        """Return who is a new MQL, the reasons and the link, as one entry of a list in plain text for a chat."""
        return f"{neutralize(self._headline(row, contact))}\n{self.text(row, contact, account)}"

    def _headline(self, row: WaitingHandOff, contact: Contact) -> str:
        phrases, values = self._phrases, self._values(row)
        grade = [phrases.grade.format(grade=format_minus(letter))] if (letter := values.get("grade")) else []
        return f"{self._name(contact)} ({', '.join([values['score_reasons'].partition(chr(10))[0], *grade])})"

    def _lines(self, row: WaitingHandOff, contact: Contact, account: AccountDetails) -> list[str]:
        link = f"https://{account.ui_domain}/contacts/{account.portal_id}/record/0-1/{contact.id}"
        email = contact.properties.get("email") if self.with_names else None
        return [*([email] if email else []), *self._values(row)["mql_reasons"].splitlines(), self._phrases.record.format(link=link)]

    def _name(self, contact: Contact) -> str:
        names = [contact.properties.get(name) for name in ("firstname", "lastname")]
        name = " ".join(" ".join(filter(None, names)).split())[:MAX_NAME_LENGTH] or contact.properties.get("email")
        return name if self.with_names and name else self._phrases.contact.format(id=contact.id)

    def _values(self, row: WaitingHandOff) -> Mapping[str, str]:
        prefix = f"{self.crm_schema.prefix}_"
        values: dict[str, str] = orjson.loads(row.desired)
        return {name.removeprefix(prefix): value for name, value in values.items()}

    @property
    def _phrases(self) -> HandOffPhrases:
        return load_translation(self.crm_schema.model.document.language).phrases.hand_off
