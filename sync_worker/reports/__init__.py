"""Read-only reports: status, distribution of scores, model summary and comparison, explanation of a contact."""
