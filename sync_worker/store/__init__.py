"""The state of the worker: tables, migrations and queries, on SQLite or PostgreSQL."""
