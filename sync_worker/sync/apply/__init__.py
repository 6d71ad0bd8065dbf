"""Apply: send a plan to HubSpot in batches or by import, and save what HubSpot acknowledged."""
