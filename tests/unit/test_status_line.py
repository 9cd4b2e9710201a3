"""Progress is shown in the last line of a terminal, and nowhere else."""

from __future__ import annotations

from contextlib import redirect_stderr
from io import StringIO

from workers.command.output import status_line


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_each_text_in_place_of_the_one_before_and_none_at_the_end() -> None:
    with redirect_stderr(Terminal()) as shown, status_line() as show:
        show("10,000 messages checked")
        show("20 POSTs checked")
    assert shown.getvalue().split("\r")[1:] == ["10,000 messages checked\x1b[K", "20 POSTs checked\x1b[K", "\x1b[K"]


def test_a_file_gets_no_progress() -> None:
    with redirect_stderr(StringIO()) as shown, status_line() as show:
        show("10,000 messages checked")
    assert shown.getvalue() == ""
