"""What is said of an experiment follows from its numbers alone."""

from __future__ import annotations

import pytest

from memviz.figures.style.statements import uniqueness_statement


@pytest.mark.parametrize(("tokens", "unique"), [(2, True), (65, True), (66, False), (500, False)])
def test_weights_follow_from_their_sum_up_to_one_more_key_than_its_numbers(tokens: int, unique: bool) -> None:
    said = uniqueness_statement(tokens, 64).render()
    assert f"{tokens} tokens" in said
    assert ("not uniquely determined" in said) != unique
