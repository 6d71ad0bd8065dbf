"""Pull: read what changed in HubSpot into the state, with the coverage that says so."""
