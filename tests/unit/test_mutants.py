"""The changes of `make mutants` fit the code, so that each still changes a condition of the one voice."""

from __future__ import annotations

import ast

import pytest

from tests.mutants import MUTANTS, ROOT, mutated


@pytest.mark.parametrize("number", range(len(MUTANTS)))
def test_a_change_replaces_one_place_by_code_that_can_be_parsed(number: int) -> None:
    mutant = MUTANTS[number]
    content = (ROOT / mutant.file).read_text("utf-8")
    changed = mutated(content, mutant)
    assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(content))
