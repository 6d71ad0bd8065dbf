"""A HubSpot portal on loopback: to try the worker before it touches real data."""
