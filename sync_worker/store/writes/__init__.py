"""Tables of what the worker writes to HubSpot: differences, list members, rejections, the undo log."""
