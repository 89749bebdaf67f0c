"""What a head writes is known only where its output goes on through one linear map and nothing beside it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cases import opened
from families import FAMILIES, tokenizer, words
from torch import Tensor, nn

from memviz import Reader
from memviz.errors import MeasureError


class Adapted(nn.Module):
    """A linear map with a low-rank one beside it, as LoRA adds them; ``first``: the low-rank one is asked first."""

    def __init__(self, base: nn.Linear, *, first: bool = False, scale: float = 1.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.base_layer, self.first, self.scale = base, first, scale
        self.down = nn.Linear(base.in_features, 4, bias=False)
        self.up = nn.Linear(4, base.out_features, bias=False)

    def forward(self, given: Tensor) -> Tensor:
        if self.first:
            beside = self.up(self.down(given))
            return self.base_layer(given) + beside
        return self.base_layer(given) * self.scale + self.up(self.down(given))


class Scaled(Adapted):
    """A linear map whose output is scaled: what is written is not what the map writes."""

    def forward(self, given: Tensor) -> Tensor:
        return self.base_layer(given) * 2.0


HOMES = {
    "llama": lambda model: (model.model.layers[1].self_attn, "o_proj"),
    "bert": lambda model: (model.encoder.layer[1].attention.output, "dense"),
    "opt": lambda model: (model.model.decoder.layers[1].self_attn, "out_proj"),
}


@pytest.mark.parametrize("kind", ["beside", "first", "scaled"])
@pytest.mark.parametrize("name", HOMES)
def test_a_map_that_is_not_all_that_is_written_is_not_known(name: str, kind: str) -> None:
    model = FAMILIES[name].build()
    home, part = HOMES[name](model)
    base = getattr(home, part)
    setattr(home, part, Scaled(base) if kind == "scaled" else Adapted(base, first=kind == "first"))
    reader = Reader(model, tokenizer(FAMILIES[name].tokenizer))
    assert [module is None for module in reader.plan.projections["self"]] == [False, True, False]
    assert reader.read(words(20)).memory().summary.value_norm.shape[-1] == 0
    with pytest.raises(MeasureError, match="its output projection could not be found"):
        reader.decompose(words(20), 1)


@pytest.mark.parametrize("name", HOMES)
def test_a_map_in_a_wrapper_that_adds_nothing_is_known(name: str) -> None:
    class Wrapped(Adapted):
        def forward(self, given: Tensor) -> Tensor:
            return self.base_layer(given)

    model = FAMILIES[name].build()
    home, part = HOMES[name](model)
    setattr(home, part, Wrapped(getattr(home, part)))
    found = Reader(model, tokenizer(FAMILIES[name].tokenizer)).read(words(20)).memory().summary.value_norm
    np.testing.assert_allclose(found, opened(name).read(words(20)).memory().summary.value_norm, rtol=1e-5)


KNOWN = [name for name, family in FAMILIES.items() if family.method == "recorded"]


@pytest.mark.parametrize("name", KNOWN)
def test_every_family_that_is_recorded_is_known(name: str) -> None:
    plan = opened(name).plan
    assert set(plan.projections) == set(plan.heads) != set()
    assert not [kind for kind, modules in plan.projections.items() if None in modules or not modules]
