"""Heads made by hand get the role that was made for them."""

import numpy as np
import pytest

from memviz import measures
from memviz.measures import ROLES, role_heads, roles
from tests.memories import KINDS, REPEATED, memory_of_kind, memory_with, shift, uniform


def ahead(size: int) -> np.ndarray:
    """Every query looks at the token after it."""
    return shift(size, 1)[::-1, ::-1]


def resting(size: int) -> np.ndarray:
    """Every query looks at the first token."""
    weights = np.zeros((size, size))
    weights[:, 0] = 1
    return weights


MADE = {
    "previous token": shift(10, 1),
    "current token": np.eye(10),
    "induction": shift(10, 4),
    "duplicate token": 0.4 * shift(10, 5) + 0.6 * uniform(10),
    "first token": 0.6 * resting(10) + 0.4 * uniform(10),
    "diffuse": uniform(10),
    "focused": 0.5 * shift(10, 2) + 0.5 * shift(10, 3),
}


@pytest.mark.parametrize("role", MADE)
def test_a_head_gets_the_role_it_was_made_for(role: str) -> None:
    memory = memory_with(np.stack([MADE[role], uniform(10)]), REPEATED)
    assert roles(memory).tolist() == [[role, "diffuse"]]


def test_a_head_that_looks_at_the_token_after() -> None:
    memory = memory_with(np.stack([ahead(10), uniform(10, causal=False)]), REPEATED)
    assert roles(memory).tolist() == [["next token", "diffuse"]]


def test_a_head_that_is_nothing_of_all_this_has_no_role() -> None:
    few = sum(shift(40, by) for by in (2, 3, 5, 8)) / 4
    assert roles(memory_with(np.stack([few, uniform(40)]))).tolist() == [["", "diffuse"]]


def test_every_role_is_said_in_words_and_can_be_had() -> None:
    assert {*MADE, "next token"} == {*ROLES}
    assert all(ROLES.values())


@pytest.mark.parametrize(
    ("role", "head", "score", "threshold"),
    [
        ("previous token", shift(10, 1), measures.previous_token, 0.5),
        ("current token", np.eye(10), measures.self_attention, 0.5),
        ("induction", shift(10, 4), measures.induction, 0.3),
        ("duplicate token", shift(10, 5), measures.duplicate_token, 0.3),
        ("first token", resting(10), measures.first_token, 0.5),
    ],
)
def test_the_threshold_is_the_one_that_is_said(role: str, head: np.ndarray, score, threshold: float) -> None:
    shares = np.linspace(0.01, 0.99, 60)
    memory = memory_with(np.stack([share * head + (1 - share) * uniform(10) for share in shares]), REPEATED)
    reached = score(memory)[0] >= threshold
    assert 5 < reached.sum() < 55
    np.testing.assert_array_equal(roles(memory)[0] == role, reached)
    assert "half" in ROLES[role] if threshold == 0.5 else str(threshold) in ROLES[role]


@pytest.mark.parametrize("size", [40, 12])
def test_broad_is_half_of_what_can_be_seen_and_sharp_two_and_a_half_tokens(size: int) -> None:
    shares = np.linspace(0, 1, 200)
    ladder = [share * shift(size, 3) + (1 - share) * uniform(size) for share in shares]
    memory = memory_with(np.stack(ladder))
    seen = np.arange(1, size + 1)
    slots = np.array([np.exp(-(head * np.log(np.where(head > 0, head, 1))).sum(axis=1)) for head in ladder])
    broad = (slots[:, 3:] / seen[3:]).mean(axis=1) >= 0.5
    sharp = slots.mean(axis=1) <= 2.5
    np.testing.assert_allclose(measures.slots(memory)[0].mean(axis=1), slots.mean(axis=1), rtol=1e-4)
    assert 0 < broad.sum() < 200
    assert 0 < (sharp & ~broad).sum() < 200
    np.testing.assert_array_equal(roles(memory)[0] == "diffuse", broad)
    np.testing.assert_array_equal(roles(memory)[0] == "focused", sharp & ~broad)


def test_few_repeats_name_no_head() -> None:
    heads = np.stack([shift(10, 4), uniform(10)])
    four, three = ("a b c d e a b c d x", "a b c d e a b c x y")
    assert roles(memory_with(heads, four))[0, 0] == "induction"
    assert measures.induction(memory_with(heads, three))[0, 0] == 1
    assert roles(memory_with(heads, three))[0, 0] != "induction"


@pytest.mark.parametrize("kind", KINDS)
def test_every_memory_has_roles(kind: str) -> None:
    memory = memory_of_kind(kind)
    found = roles(memory)
    assert found.shape == (memory.layers, memory.heads)
    assert set(found.ravel()) <= {*ROLES, ""}
    if memory.kind == "cross":
        assert set(found.ravel()) <= {"first token", "diffuse", "focused", ""}


def test_the_best_head_of_each_role_is_the_clearest_and_places_come_first() -> None:
    few = sum(shift(10, by) for by in (2, 3, 4)) / 3
    heads = [
        uniform(10),
        resting(10),
        0.6 * shift(10, 1) + 0.4 * uniform(10),
        0.9 * shift(10, 1) + 0.1 * uniform(10),
        0.7 * shift(10, 4) + 0.3 * uniform(10),
        0.95 * shift(10, 4) + 0.05 * uniform(10),
        0.5 * shift(10, 2) + 0.5 * shift(10, 3),
        few,
        np.eye(10),
    ]
    memory = memory_with(np.stack(heads), REPEATED)
    assert roles(memory)[0].tolist()[2:7] == ["previous token"] * 2 + ["induction"] * 2 + ["focused"]
    best = role_heads(memory)
    assert {role: head for role, (_, head) in best.items() if role in ("previous token", "induction", "focused")} == {
        "previous token": 3,
        "induction": 5,
        "focused": 6,
    }
    assert [*best][:4] == ["induction", "previous token", "current token", "focused"], (
        "times the threshold; then what tells less"
    )
    assert [*best][-1] == "" or "" not in best


def test_without_repeats_no_head_is_chosen_for_copies() -> None:
    memory = memory_with(np.stack([uniform(10), shift(10, 1)]))
    assert role_heads(memory) == {"previous token": (0, 1), "diffuse": (0, 0)}
