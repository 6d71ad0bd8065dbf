"""Takes everybody out of a portal with HubSpot's next SDK, whose host is a documented setting: HUBSPOT_BASE_URL.

Prints one object: the ids of a walk through the list, what a batch update answered, and the ids that a search finds.
"""

from __future__ import annotations

import json
import os
import sys

from hubspot_sdk import HubSpot


def main() -> None:
    """Read and write a portal as its documentation shows."""
    with HubSpot(access_token=os.environ["HUBSPOT_ACCESS_TOKEN"]) as client:
        contacts = client.crm.objects.contacts
        listed = [contact.id for contact in contacts.list(limit=100, properties=["email"])]
        written = contacts.batch.update(inputs=[{"id": id_, "properties": {"city": "Lund"}} for id_ in listed[:3]])
        conditions = [{"property_name": "city", "operator": "EQ", "value": "Lund"}]
        found = contacts.search(after="0", limit=100, filter_groups=[{"filters": conditions}], properties=["city"], sorts=["hs_object_id"])
    answer = {"listed": listed, "written": sorted(one.id for one in written.results), "found": [one.id for one in found.results]}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
