"""The release before this one: its processes work with the schema of this one, so that an upgrade needs no pause.

A release that is tagged becomes the previous one of the next: write its tag and its newest migration here.
`tests/acceptance/test_rolling_release.py` runs its processes beside those of this release.
"""

from __future__ import annotations

from typing import Final

COMMIT: Final = "112db438e84cbf9bf2d650a8298c0e22d959b8be"
"""Tag or commit. While no release is tagged: the last state before the migration 0028."""

REVISION: Final = "0025"
"""Its newest migration. A process of an older release refuses the schema of this one."""
