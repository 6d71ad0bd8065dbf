"""The scoring model: pure functions from contacts and events to verdicts; no input or output, no clock, no log."""
