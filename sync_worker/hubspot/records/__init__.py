"""HubSpot's records as frozen types, and their parsers."""
