"""Reads of records: contacts, companies, list members, subscriptions; all of them, or what changed."""
