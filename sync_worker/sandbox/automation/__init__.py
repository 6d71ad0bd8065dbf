"""Workflows of contacts: stored and validated, not executed."""
