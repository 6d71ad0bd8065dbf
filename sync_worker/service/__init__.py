"""The long-running service: when cycles run, and a clean stop."""
