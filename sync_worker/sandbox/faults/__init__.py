"""Rules for the faults that the sandbox injects."""
