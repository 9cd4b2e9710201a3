"""How the tests are spread over processes: no file is set up twice, and what waits runs beside what computes."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.process import ROOT
from harness.spread import SHARED, WAITING, mixed, unit

WAITS = [f"{WAITING}test_crashes.py::test_{number}" for number in range(3)]
COMPUTES = [f"tests/unit/test_{number}.py" for number in range(12)]


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("tests/unit/test_phone.py::test_one[a::b]", "tests/unit/test_phone.py"),
        (f"{WAITING}test_crashes.py::test_one[a]", f"{WAITING}test_crashes.py::test_one[a]"),
        (f"{WAITING}test_docs.py::test_one", f"{WAITING}test_docs.py"),
    ],
)
def test_a_process_gets_a_whole_file_or_one_test_that_waits(test: str, expected: str) -> None:
    assert unit(test) == expected


def test_tests_that_wait_begin_at_even_distances_in_the_first_three_quarters() -> None:
    order = mixed([*WAITS, *COMPUTES])
    assert sorted(order) == sorted([*WAITS, *COMPUTES])
    assert [order.index(each) for each in WAITS] == [0, 4, 8]


def test_the_files_whose_tests_share_a_deployment_are_those_with_a_fixture_for_the_module() -> None:
    files = (ROOT / WAITING).glob("test_*.py")
    assert SHARED == {f"{WAITING}{file.name}" for file in files if 'fixture(scope="module"' in Path(file).read_text()}
