"""Many portals: a table of portals in PostgreSQL, and any number of worker processes that share their runs."""
