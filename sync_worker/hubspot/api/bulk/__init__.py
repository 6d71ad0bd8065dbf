"""Exports and imports: files instead of pages, and the polling of HubSpot's jobs."""
