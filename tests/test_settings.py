"""What an operator sets: numbers that are checked, a start that asks for nothing."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from memviz.errors import ModelError, TextTooLongError
from memviz.reading.engine import limits
from memviz.settings import defaults, number


def test_a_setting_is_a_number_of_the_kind_of_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert number("MEMVIZ_NOT_SET", 8, minimum=0) == 8
    monkeypatch.setenv("MEMVIZ_SET", " 3 ")
    assert number("MEMVIZ_SET", 8, minimum=0) == 3
    monkeypatch.setenv("MEMVIZ_SET", "0.5")
    assert number("MEMVIZ_SET", 2.0, minimum=0.01) == 0.5


def test_a_server_has_defaults_of_its_own_and_the_operator_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEMVIZ_MAX_TOKENS", raising=False)
    assert limits.context_limit(None) is None
    with defaults({"MEMVIZ_MAX_TOKENS": 100}):
        assert (limits.context_limit(None), limits.context_limit(50), limits.context_limit(512)) == (100, 50, 100)
        with pytest.raises(TextTooLongError, match="101 tokens; at most 100 can be read"):
            limits.check_length(101, context=None)
        monkeypatch.setenv("MEMVIZ_MAX_TOKENS", "300")
        assert limits.context_limit(None) == 300
        monkeypatch.setenv("MEMVIZ_MAX_TOKENS", "0")
        assert limits.context_limit(None) is None, "no limit, as the operator said"
    monkeypatch.delenv("MEMVIZ_MAX_TOKENS")
    assert limits.context_limit(512) == 512


@pytest.mark.parametrize("value", ["abc", "-1", "1.5", "nan", "0"])
def test_another_value_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("MEMVIZ_SET", value)
    with pytest.raises(ModelError, match=f"MEMVIZ_SET is {value}, which is not a number from 1 on. Set it to a number"):
        number("MEMVIZ_SET", 4, minimum=1)


@pytest.mark.parametrize("name", ["MEMVIZ_MEMORY_GB", "MEMVIZ_MAX_TOKENS"])
def test_the_limits_of_a_reading_are_checked(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "lots")
    with pytest.raises(ModelError, match=f"{name} is lots"):
        limits.available() if name == "MEMVIZ_MEMORY_GB" else limits.context_limit(512)


def test_nothing_is_collected_after_every_answer() -> None:
    """Walking the objects of torch took three quarters of a server's time, and no reading needs it to be let go."""
    settings = tomllib.loads((Path(__file__).parents[1] / ".streamlit/config.toml").read_text("utf-8"))
    assert settings["runner"]["postScriptGC"] is False


def test_the_app_asks_for_no_address_when_it_starts() -> None:
    """On a machine where Streamlit never ran, it would wait for an e-mail address before it serves."""
    config = tomllib.loads((Path(__file__).parents[1] / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["showEmailPrompt"] is False
