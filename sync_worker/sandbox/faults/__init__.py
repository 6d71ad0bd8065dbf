"""Faults that the sandbox injects on request: which, where and how often."""
