"""SQL: the tables of the ledger, and every statement that reads or writes them."""

from __future__ import annotations

from harkara.server_extra import require_server

require_server(__name__)
