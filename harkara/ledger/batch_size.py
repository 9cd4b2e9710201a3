"""The size of one transaction of the periodic work."""

from __future__ import annotations

MAX_ROWS = 1000
"""Rows that one transaction changes at most, so that other writers do not wait long for its locks."""
