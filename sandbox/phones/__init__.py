"""The customers' phones: what becomes of messages there, and what is written back."""
