"""Model files, loaded, checked and compiled."""
