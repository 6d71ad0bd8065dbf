"""One run: pull → evaluate → plan → apply; `run.py` has the whole story in one screen."""
