"""A HubSpot portal on loopback: where the worker is tried before it touches anybody's data."""
