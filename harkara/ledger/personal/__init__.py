"""Personal data: where the ledger has it, its export, and its erasure for one person."""
