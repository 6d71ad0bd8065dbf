"""HubSpot's endpoints, one noun per module. They return the records of `hubspot.records`."""
