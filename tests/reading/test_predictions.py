"""Log-probabilities of what was read: equal to log-softmax in double precision, however the logits are cut up."""

import numpy as np
import pytest
import torch
from torch import nn

from memviz.reading.engine import predictions
from memviz.reading.engine.predictions import head_logprobs, token_logprobs


@pytest.mark.parametrize("tokens", [1, 2, 3, predictions.TALL, predictions.TALL + 1])
@pytest.mark.parametrize("vocabulary", [5, predictions.WIDE, predictions.WIDE + 1, 2 * predictions.WIDE + 7])
@pytest.mark.parametrize("bias", [False, True])
def test_log_probabilities_are_those_of_the_whole_vocabulary(tokens, vocabulary, bias):
    head, hidden, ids = a_reading(tokens, vocabulary, bias)
    found, last = head_logprobs(head, hidden, ids)
    logits = nn.functional.linear(hidden.double(), head.weight.double(), head.bias.double() if bias else None)
    expected = logits.log_softmax(-1)[torch.arange(tokens - 1), torch.tensor(ids[1:], dtype=torch.int64)]
    assert np.isnan(found[0])
    assert len(found) == tokens
    assert found[1:] == pytest.approx(expected.detach().numpy(), rel=1e-6, abs=1e-5)
    assert last.detach().numpy() == pytest.approx(logits[-1].detach().numpy(), abs=1e-5)


def test_half_precision_rounds_logits_as_the_model_does():
    head, hidden, ids = a_reading(40, 3000, True)
    head, hidden = head.bfloat16(), (hidden / 8).bfloat16()
    found, last = head_logprobs(head, hidden, ids)
    logits = head(hidden).float()
    expected = logits.log_softmax(-1)[torch.arange(39), torch.tensor(ids[1:])]
    assert found[1:] == pytest.approx(expected.numpy(), abs=0.05)
    assert last.dtype == torch.float32
    assert last.numpy() == pytest.approx(logits[-1].numpy(), abs=0.05)


def test_a_head_that_does_more_than_a_product_is_asked_for_its_logits():
    head, hidden, ids = a_reading(20, 50, False)
    capped = Capped(head)
    found, last = head_logprobs(capped, hidden, ids)
    logits = capped(hidden)
    expected = logits.log_softmax(-1)[torch.arange(19), torch.tensor(ids[1:])]
    assert found[1:] == pytest.approx(expected.numpy(), abs=1e-5)
    assert last.numpy() == pytest.approx(logits[-1].numpy(), abs=1e-6)
    hooked = nn.Linear(16, 50, bias=False)
    hooked.weight = head.weight
    hooked.register_forward_hook(lambda module, inputs, output: 2 * torch.tanh(output / 2))
    assert head_logprobs(hooked, hidden, ids)[0][1:] == pytest.approx(expected.numpy(), abs=1e-5)


def test_a_long_text_pauses_between_its_parts():
    head, hidden, ids = a_reading(2 * predictions.TALL + 1, 5, False)
    pauses: list[int] = []
    head_logprobs(head, hidden, ids, pause=lambda: pauses.append(1))
    assert len(pauses) == 2


def test_a_long_text_pauses_too_where_the_head_is_asked_for_its_logits():
    head, hidden, ids = a_reading(2 * predictions.CHUNK + 1, 5, False)
    pauses: list[int] = []
    head_logprobs(Capped(head), hidden, ids, pause=lambda: pauses.append(1))
    assert len(pauses) == 2
    pauses.clear()
    token_logprobs(lambda rows: head(hidden[rows]), ids[: predictions.CHUNK], pause=lambda: pauses.append(1))
    assert pauses == [], "a short text has one part"


class Capped(nn.Linear):
    """A head whose logits are capped, as those of Gemma 2."""

    def __init__(self, head: nn.Linear):
        super().__init__(head.in_features, head.out_features, bias=False)
        self.weight = head.weight

    def forward(self, hidden):
        return 2 * torch.tanh(super().forward(hidden) / 2)


@torch.no_grad()
def a_reading(tokens: int, vocabulary: int, bias: bool) -> tuple[nn.Linear, torch.Tensor, list[int]]:
    """A random output head, hidden states, and the tokens that were read; logits far from one another."""
    generator = torch.Generator().manual_seed(tokens + vocabulary)
    head = nn.Linear(16, vocabulary, bias=bias)
    for parameter in head.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * 2).requires_grad_(False)
    hidden = torch.randn(tokens, 16, generator=generator)
    ids = torch.randint(0, vocabulary, (tokens,), generator=generator).tolist()
    return head, hidden, ids
