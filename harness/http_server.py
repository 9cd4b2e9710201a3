"""An HTTP server of the standard library that takes many connections at once."""

from __future__ import annotations

from http.server import ThreadingHTTPServer


class HttpServer(ThreadingHTTPServer):
    """The default queue of five connections overflows with sixteen threads, and the kernel then resets one."""

    request_queue_size = 128
    daemon_threads = True
