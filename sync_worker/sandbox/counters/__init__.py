"""The properties of a contact that HubSpot calculates from what the contact did."""

from __future__ import annotations

from sync_worker.sandbox.counters.contact import UNTOUCHED, ContactCounters
from sync_worker.sandbox.counters.portal import addresses, tally

__all__ = ["UNTOUCHED", "ContactCounters", "addresses", "tally"]
