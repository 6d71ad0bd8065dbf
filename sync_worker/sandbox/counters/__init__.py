"""Computes the counters of contacts that HubSpot calculates from their events and deals."""

from __future__ import annotations

from sync_worker.sandbox.counters.contact import ZERO_COUNTERS, ContactCounters
from sync_worker.sandbox.counters.portal import compute_counters, email_addresses

__all__ = ["ZERO_COUNTERS", "ContactCounters", "compute_counters", "email_addresses"]
