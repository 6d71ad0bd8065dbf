"""The story: pull → evaluate → plan → apply → remember."""
