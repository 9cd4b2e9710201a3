"""Callbacks over real sockets."""
