"""Why a score is what it is: ledger lines, short reasons, MQL blockers."""
