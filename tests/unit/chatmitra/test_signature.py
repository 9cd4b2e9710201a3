"""Only a header made with the secret over the raw bytes is a valid signature."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.chatmitra.signature import sign, verify

RAW = '{"event":"message.received","message":{"type":"text","text":"नमस्ते"}}'.encode()
SIGNED = sign(RAW, "secret")


def test_the_signature_is_hmac_sha256_in_lowercase_hex() -> None:
    """The example is test case 2 of RFC 4231."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert sign(b"what do ya want for nothing?", "Jefe") == expected


@pytest.mark.parametrize(
    "header", [SIGNED, SIGNED.upper(), f"sha256={SIGNED}", f"SHA256={SIGNED.upper()}", f" {SIGNED} "]
)
def test_upper_case_the_prefix_and_spaces_are_accepted(header: str) -> None:
    assert verify(RAW, header, "secret")


@pytest.mark.parametrize(
    "header",
    [None, "", "sha256=", SIGNED[:-1], SIGNED + "0", f"sha1={SIGNED}", "é" * 64, "\ud800", sign(RAW, "other")],
)
def test_any_other_header_is_refused(header: str | None) -> None:
    assert not verify(RAW, header, "secret")


def test_an_additional_byte_in_the_body_is_refused() -> None:
    assert not verify(RAW + b" ", SIGNED, "secret")


@pytest.mark.parametrize("secret", ["", " ", "\n"])
def test_without_a_secret_every_signature_is_refused(secret: str) -> None:
    assert not verify(RAW, sign(RAW, secret), secret)


@given(st.binary(), st.text(), st.text())
def test_a_guessed_header_is_refused_without_an_exception(raw: bytes, header: str, secret: str) -> None:
    assert not verify(raw, header, secret + "x") or header.strip().lower().endswith(sign(raw, secret + "x"))
