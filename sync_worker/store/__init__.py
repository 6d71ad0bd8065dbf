"""What the worker knows: tables, migrations and queries on SQLite, or PostgreSQL."""
