"""The stand-in over real sockets, as its own process."""
