"""A fingerprint of the visible state of a portal, independent of the time."""

from __future__ import annotations

from hashlib import sha256

import orjson

from sync_worker.sandbox.crm.portal import SandboxPortal

_TIME_TYPES = frozenset({"date", "datetime"})
_TEXTS_WITH_TIMES = frozenset({"hs_calculated_merged_vids"})  # ids, each with the time of its merge


def compute_fingerprint(portal: SandboxPortal) -> str:
    """Return a hash of records, properties, list members and workflows; dates are excluded."""
    digest = sha256()
    for table in portal.tables.values():
        definitions, records = table.catalog.definitions.values(), table.records
        fixed = (one.name for one in definitions if one.type not in _TIME_TYPES)
        names = sorted(name for name in fixed if name not in _TEXTS_WITH_TIMES)
        schema = sorted((one.name, one.label, one.type, one.group, [option.value for option in one.options]) for one in definitions)
        digest.update(orjson.dumps([table.object_type.name, schema]))
        columns = [(name, records.columns[name]) for name in names if name in records.columns]
        for row in records.iter_live_rows():
            digest.update(orjson.dumps([records.ids[row], [(name, column[row]) for name, column in columns if column[row] is not None]]))
    for item in sorted(portal.lists, key=lambda item: item.name):
        digest.update(orjson.dumps([item.name, item.processing, item.member_ids()]))
    for workflow in portal.workflows:
        digest.update(orjson.dumps([workflow.id, workflow.body]))
    return digest.hexdigest()
