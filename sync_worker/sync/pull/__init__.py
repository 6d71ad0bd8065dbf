"""Reads from HubSpot into the state, together with the coverage that marks rows as read."""
