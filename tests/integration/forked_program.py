"""What `test_fork_server` starts: it prints what a process has of its own, and ends in the way that it is given."""

from __future__ import annotations

import os
import sys
import time

from harkara import Envelope, Text

if __name__ == "__main__":
    end = sys.argv[1]
    print(
        sys.argv[1:], os.getcwd(), sorted(os.environ), os.getsid(0) == os.getpid(), sorted(os.listdir("/proc/self/fd"))
    )
    print(Envelope(to="919876543210", messages=[Text("Hello")]).id)
    print("a warning", file=sys.stderr)
    if end == "sleep":
        time.sleep(600)
    if end == "raise":
        raise ValueError(end)
    sys.exit("a sentence" if end == "say" else int(end))
