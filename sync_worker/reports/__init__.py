"""Read-only questions about the state: status, distribution, comparison of models, one contact explained."""
