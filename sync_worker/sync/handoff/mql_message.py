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
from sync_worker.sync.portal.managed_properties import CrmSchema

NAME_PROPERTIES = ("firstname", "lastname", "email")


@dataclass(frozen=True, slots=True, kw_only=True)
class MqlMessage:
    """Builds messages; without `with_names`, they contain no personal data, only the id of the contact."""

    crm_schema: CrmSchema
    with_names: bool = True

    def subject(self, row: WaitingHandOff, contact: Contact) -> str:
        """Return who is a new MQL, with score and grade."""
        phrases, values = self._phrases, self._values(row)
        name = phrases.subject.format(name=self._name(contact))
        grade = [phrases.grade.format(grade=format_minus(letter))] if (letter := values.get("grade")) else []
        return f"{name} ({', '.join([values['score_reasons'].partition(chr(10))[0], *grade])})"

    def body(self, row: WaitingHandOff, contact: Contact, account: AccountDetails) -> str:
        """Return the reasons, a link to the record, and the key as the last word; as HTML, because HubSpot shows notes as rich text."""
        link = f"https://{account.ui_domain}/contacts/{account.portal_id}/record/0-1/{contact.id}"
        email = [contact.properties["email"]] if self.with_names and contact.properties.get("email") else []
        lines = [*email, *self._values(row)["mql_reasons"].splitlines(), self._phrases.record.format(link=link), f"sync_worker {row.key}"]
        return "<br>".join(html.escape(line or "", quote=False) for line in lines)

    def _name(self, contact: Contact) -> str:
        names = [contact.properties.get(name) for name in ("firstname", "lastname")]
        name = " ".join(filter(None, names)) or contact.properties.get("email")
        return name if self.with_names and name else self._phrases.contact.format(id=contact.id)

    def _values(self, row: WaitingHandOff) -> Mapping[str, str]:
        prefix = f"{self.crm_schema.prefix}_"
        values: dict[str, str] = orjson.loads(row.desired)
        return {name.removeprefix(prefix): value for name, value in values.items()}

    @property
    def _phrases(self) -> HandOffPhrases:
        return load_translation(self.crm_schema.model.document.language).phrases.hand_off
