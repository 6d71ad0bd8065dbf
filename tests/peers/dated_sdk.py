"""Read, update and search contacts with HubSpot's next SDK, which documents a setting for its host: HUBSPOT_BASE_URL.

Prints one JSON object: the ids in the list of contacts, the ids in the response of a batch update, and the ids that search finds.
"""

from __future__ import annotations

import json
import os
import sys

from hubspot_sdk import HubSpot


def main() -> None:
    """Read and write contacts as the documentation of the SDK shows."""
    with HubSpot(access_token=os.environ["HUBSPOT_ACCESS_TOKEN"]) as client:
        contacts = client.crm.objects.contacts
        listed = [contact.id for contact in contacts.list(limit=100, properties=["email"])]
        written = contacts.batch.update(inputs=[{"id": id_, "properties": {"city": "Lund"}} for id_ in listed[:3]])
        conditions = [{"property_name": "city", "operator": "EQ", "value": "Lund"}]
        found = contacts.search(after="0", limit=100, filter_groups=[{"filters": conditions}], properties=["city"], sorts=["hs_object_id"])
    answer = {"listed": listed, "written": sorted(each.id for each in written.results), "found": [each.id for each in found.results]}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
