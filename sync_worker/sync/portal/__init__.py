"""What the worker owns in a HubSpot portal, and what that portal offers."""
