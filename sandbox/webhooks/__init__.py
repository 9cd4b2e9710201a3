"""Signed webhooks to the application, from a queue, as Chat Mitra sends them."""
