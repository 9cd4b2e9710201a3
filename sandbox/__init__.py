"""A stand-in for Chat Mitra: the same API contract, faults on demand, and a record of every request."""
