"""What a model file says and what it computes: pure, no I/O, no clock, no log."""
