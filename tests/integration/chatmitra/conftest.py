"""A self-signed certificate for the TLS tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.certificates import self_signed


@pytest.fixture(scope="package")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"), "IP:127.0.0.1")
