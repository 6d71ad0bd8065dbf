"""Parallel reads of keyed streams, without HubSpot and without the store."""
