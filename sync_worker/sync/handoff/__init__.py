"""Messages to sales about new MQLs."""
