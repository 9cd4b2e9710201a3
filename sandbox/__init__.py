"""A stand-in for Chat Mitra: the same contract, every fault on demand, and a memory of all it was asked."""
