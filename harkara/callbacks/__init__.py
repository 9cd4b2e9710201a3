"""Callbacks: signed webhooks of our own, delivered from the ledger's outbox to the application."""
