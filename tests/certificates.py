"""Self-signed certificates for tests with TLS."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def self_signed(folder: Path, name: str) -> Path:
    """Return a file with a certificate for this name, such as `IP:127.0.0.1`, and its key. Skips without openssl."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the command openssl")
    path, key = folder / "certificate.pem", folder / "certificate.key"
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = ["-subj", f"/CN={name.partition(':')[2]}", "-addext", f"subjectAltName={name}"]
    subprocess.run([openssl, *new, *names, "-keyout", key, "-out", path], check=True, capture_output=True)
    path.write_text(key.read_text() + path.read_text())
    return path
