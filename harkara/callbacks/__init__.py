"""Callbacks to the application: signed webhooks of ours, carried from the ledger until they were taken."""
