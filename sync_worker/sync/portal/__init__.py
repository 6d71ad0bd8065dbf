"""Our properties and lists in a HubSpot portal, and facts about the portal."""
