"""What arrives from the provider, as values of our own, and the rules for it: no SQL, no Redis and no provider."""
