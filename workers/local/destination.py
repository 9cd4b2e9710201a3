"""Where the messages of a folder go, to the sandbox or to Chat Mitra: no later run may send them to the other."""

from __future__ import annotations

from pathlib import Path

from harkara.errors import Invalid
from workers.local.private_files import write_private

_TOKEN = "CHATMITRA_API_TOKEN"


def require_destination(folder: Path, *, sandbox: bool) -> None:
    """Note in the folder where its messages go. Raises Invalid if those of an earlier run went elsewhere.

    What waits since a trial would be sent to real people, and what waits for real people would be lost in the sandbox.
    """
    file = folder / "destination"
    wanted = "sandbox" if sandbox else "chatmitra"
    if not file.exists():
        write_private(file, f"{wanted}\n")
    if file.read_text("utf-8").strip() == wanted:
        return
    if sandbox:
        raise Invalid(
            _TOKEN,
            f"is not set, and {folder} has messages for real people, which the sandbox would get: set it again, or set "
            "HARKARA_VAR to another folder for trials",
        )
    raise Invalid(
        _TOKEN,
        f"is set, and {folder} has messages of trials with the sandbox, which would be sent to real people: move the "
        "folder away, or set HARKARA_VAR to another one",
    )
