"""A model file checked and compiled: criteria as Polars expressions, and what they require of a portal."""
