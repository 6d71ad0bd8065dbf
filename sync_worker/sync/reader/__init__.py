"""How a keyed stream is read in parallel: partitions and readers. No HubSpot, no database."""
