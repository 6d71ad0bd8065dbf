"""A better model from what happened: candidates for criteria, a sparse fit in whole points, and the suggestion as a diff."""
