"""Is the model any good: what was known at an instant, and what happened afterward. Nothing here writes to HubSpot."""
