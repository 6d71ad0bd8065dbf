"""Reasons of a verdict: ledger, short texts for sales reps, MQL blockers."""
