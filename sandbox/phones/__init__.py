"""The customers' simulated phones: the states of messages there, and the replies."""
