"""Tables of what HubSpot showed: records, events, merges, subscriptions, and the coverage of the reads."""
