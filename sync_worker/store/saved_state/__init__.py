"""Facts about the state as a whole, one struct each: how far was read, the portal, the pending import."""
