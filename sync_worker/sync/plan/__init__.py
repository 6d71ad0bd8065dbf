"""Plan: the difference between desired and acknowledged values, its limits and the MQL quota."""
