"""Webhooks of Chat Mitra, from the HTTP API through Redis and the ledger to messages and contacts."""
