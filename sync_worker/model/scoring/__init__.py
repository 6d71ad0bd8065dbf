"""Score, grade and qualification as Polars expressions."""
