"""Certificates for tests with TLS: one that signs itself, and those of an authority of their own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]


class Issued(NamedTuple):
    """The certificate of a private authority, and a certificate that it has signed, with its key in the same file."""

    authority: Path
    certificate: Path


def self_signed(folder: Path, name: str) -> Path:
    """Return a file with a certificate for this name, such as `IP:127.0.0.1`, and its key. Skips without openssl."""
    path, key = folder / "certificate.pem", folder / "certificate.key"
    _openssl("req", "-x509", *_KEY, *_named(name), "-keyout", key, "-out", path)
    path.write_text(key.read_text() + path.read_text())
    return path


def issued(folder: Path, name: str) -> Issued:
    """Return a certificate for this name, and the private authority that has signed it. Skips without openssl."""
    authority, authority_key = folder / "authority.pem", folder / "authority.key"
    certificate, key = folder / "server.pem", folder / "server.key"
    _openssl("req", "-x509", *_KEY, "-subj", "/CN=An authority", "-keyout", authority_key, "-out", authority)
    signer = ("-CA", authority, "-CAkey", authority_key)
    _openssl("req", "-x509", *_KEY, *_named(name), *signer, "-keyout", key, "-out", certificate)
    certificate.write_text(key.read_text() + certificate.read_text())
    return Issued(authority, certificate)


def _named(name: str) -> list[str]:
    return ["-subj", f"/CN={name.partition(':')[2]}", "-addext", f"subjectAltName={name}"]


def _openssl(*arguments: str | Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the command openssl")
    subprocess.run([openssl, *arguments], check=True, capture_output=True)
