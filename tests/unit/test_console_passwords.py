"""The rule of passwords, and the limit on wrong ones."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from harkara.console.passwords import MAX_KEYS, MOST_WRONG, WINDOW_SECONDS, FailedPasswords, Passwords
from harkara.errors import Invalid

NAME, ADDRESS = "name asha", "address 192.0.2.1"


def test_a_password_has_10_to_256_characters() -> None:
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    for wrong in ("", "123456789", "x" * 257):
        with pytest.raises(Invalid):
            passwords.hash(wrong)
    known = passwords.hash("सही घोड़ा बैटरी")
    assert passwords.check("सही घोड़ा बैटरी", known)
    assert not passwords.check("wrong", known)
    assert not passwords.check("x" * 10_000_000, known)
    assert not passwords.check("the hash that is checked for a name without one", None)
    assert not passwords.check("any", "not a hash")


def test_five_wrong_passwords_a_minute_are_checked() -> None:
    failed = FailedPasswords()
    assert [failed.begin([NAME], now) for now in range(MOST_WRONG)] == [0] * MOST_WRONG
    assert failed.begin([NAME, ADDRESS], 10) == WINDOW_SECONDS - 10
    assert failed.begin([ADDRESS], 10) == 0
    assert failed.begin([NAME], WINDOW_SECONDS) == 0, "the first of them is a minute old"
    assert failed.begin([NAME], WINDOW_SECONDS) == 1


def test_a_right_password_does_not_count() -> None:
    failed = FailedPasswords()
    for _ in range(2 * MOST_WRONG):
        assert failed.begin([NAME, ADDRESS], 0) == 0
        failed.forgive([NAME, ADDRESS])
    failed.forgive([NAME])


def test_the_table_is_bounded() -> None:
    failed = FailedPasswords()
    for number in range(MAX_KEYS + 1):
        failed.begin([f"name {number}"], 0)
    assert len(failed._times) == MAX_KEYS
