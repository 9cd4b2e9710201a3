"""Webhooks of Chat Mitra: receive and store them, then process their events."""
