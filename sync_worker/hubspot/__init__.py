"""Client for the HubSpot API, and the only package that imports the HubSpot SDK."""
