"""What became of the contacts that became MQLs, for `outcomes`."""
