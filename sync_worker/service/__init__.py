"""The long-running service: scheduled cycles and a clean stop."""
