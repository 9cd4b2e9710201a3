"""The two doors by which a message comes in: over Redis' intake, or straight into the ledger."""
