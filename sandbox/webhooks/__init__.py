"""What Chat Mitra tells an application by itself: signed webhooks, from a queue."""
