"""The log of all processes on one screen: one line for each event, with one time."""

from __future__ import annotations

import re

from honcho.printer import Message, Printer

_OWN_TIME = re.compile(
    r"^(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S* +"  # structlog
    r"|\[[DIWEC] \d{6} \d\d:\d\d:\d\d \S+\] )"  # Tornado, for Flower
)
"""The time at the start of a process's own line, after which honcho's would be the second."""

_START = re.compile(r"^\S+ started \(pid=\d+\)$")


class SingleTimestamp(Printer):  # type: ignore[misc]  # honcho has no types
    """Prints honcho's time and the process's name before each line, and omits empty lines and starts."""

    def write(self, message: Message) -> None:
        data = message.data.decode("utf-8", "replace") if isinstance(message.data, bytes) else message.data
        lines = [_OWN_TIME.sub("", line) for line in data.splitlines() if line.strip() and not _START.match(line)]
        if lines:
            super().write(message._replace(data="\n".join(lines)))
