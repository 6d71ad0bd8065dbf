"""Evaluate: run the model over the contacts that are due."""
