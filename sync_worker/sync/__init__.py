"""One run: pull → evaluate → plan → apply; `run.py` tells it in one screen."""
