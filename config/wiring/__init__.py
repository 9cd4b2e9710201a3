"""Builds the parts of this deployment: each part once in a process, when it is first asked for."""
