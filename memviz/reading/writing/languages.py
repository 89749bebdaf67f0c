"""Which languages and tasks does a translation model know, and how is it told which one is meant?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from memviz.errors import ReadingError

Languages = tuple[str, str]
"""From which into which: codes that the model knows, such as ("en", "fr") or ("eng_Latn", "fra_Latn")."""

CODE = re.compile(r"[a-z]{2,3}(_[A-Za-z]{2,4})?")
NEAREST = 4


def language_codes(tokenizer: Any, vocabulary: int) -> dict[str, int]:
    """The tokens of the languages that can be chosen, by their codes; none where there is nothing to choose.

    ``vocabulary``: how many tokens the model has.
    """
    if getattr(tokenizer, "src_lang", None) is None:
        return {}
    codes = getattr(tokenizer, "lang_code_to_id", None) or filter(CODE.fullmatch, tokenizer.all_special_tokens)
    names = getattr(tokenizer, "lang_code_to_token", {})  # M2M-100 writes __en__ for en
    tokens = {code: tokenizer.convert_tokens_to_ids(names.get(code, code)) for code in sorted(codes)}
    return {code: token for code, token in tokens.items() if token != tokenizer.unk_token_id and token < vocabulary}


def default_languages(model: Any, tokenizer: Any, codes: Mapping[str, int]) -> tuple[str, str | None] | None:
    """The languages of a model when none are asked for; the target is ``None`` where nothing says which it is."""
    if not codes:
        pair = getattr(tokenizer, "source_lang", None), getattr(tokenizer, "target_lang", None)
        return (str(pair[0]), str(pair[1])) if all(pair) else None
    settings = getattr(model, "generation_config", None)
    first = [getattr(settings, name, None) for name in ("forced_bos_token_id", "decoder_start_token_id")]
    targets = [tokenizer.tgt_lang, *(code for code, token in codes.items() if token in first)]
    return tokenizer.src_lang, next((code for code in targets if code is not None), None)


def task_prefixes(config: Any, tokenizer: Any) -> dict[str, str]:
    """What may be put in front of a text to say what to do with it, by name; translations first."""
    settings = getattr(config, "task_specific_params", None) or {}
    prefixes = {name: task["prefix"] for name, task in settings.items() if task.get("prefix", "").strip()}
    prefixes |= {code: f"{code} " for code in getattr(tokenizer, "supported_language_codes", ())}  # Marian's >>fra<<
    return dict(sorted(prefixes.items(), key=lambda task: not task[0].startswith("translation")))


def resolve_languages(
    wanted: Sequence[str] | None,
    default: tuple[str, str | None] | None,
    codes: Mapping[str, int],
    *,
    model: str,
) -> Languages | None:
    """From which language into which? ``None`` where the model has no choice.

    ``default`` are the languages when none are wanted, ``codes`` those that can be chosen.
    Raises `ReadingError` for languages that it does not know, and where nobody said which to write.
    """
    if not codes or default is None:
        require_default(wanted, default, model=model)
        return None
    source, target = default if wanted is None else _two(wanted)
    if target is None:
        raise ReadingError(
            "This model writes many languages, and none was chosen.",
            todo='Choose two of its language codes, such as languages=("en", "fr").',
        )
    for language in (source, target):
        if language not in codes:
            raise ReadingError(
                "{model} does not know a language “{language}”.",
                todo="It knows {count} languages. The nearest are {nearest}.",
                model=model,
                language=str(language),
                count=len(codes),
                nearest=", ".join(nearest(str(language), list(codes))),
            )
    return source, target


def nearest(language: str, codes: Sequence[str]) -> list[str]:
    """The codes that look most like this one: the same first letters, then the same letters; any, where none does."""
    wanted = language.casefold()
    alike = [code for code in codes if code.casefold()[:2] == wanted[:2]]
    folded = {code.casefold(): code for code in codes}
    alike += [folded[code] for code in get_close_matches(wanted, folded, n=NEAREST, cutoff=0.4)]
    return list(dict.fromkeys(alike or codes))[:NEAREST]


def require_default(languages: Sequence[str] | None, default: tuple[str, str | None] | None, *, model: str) -> None:
    """Raises `ReadingError` when other languages are asked for than those of a model that has no choice."""
    if languages is None or _two(languages) == default:
        return
    if default is None:
        raise ReadingError(
            "{model} has no languages to choose from.", todo="Leave `languages` out, or choose a task.", model=model
        )
    raise ReadingError(
        "{model} only translates from “{source}” into “{target}”.",
        todo="Leave `languages` out, or choose another model.",
        model=model,
        source=default[0],
        target=default[1],
    )


def _two(wanted: Sequence[str]) -> Languages:
    if not isinstance(wanted, list | tuple) or len(wanted) != 2:
        raise ReadingError(
            "Two languages are needed: from which, and into which.",
            todo='Give both, such as languages=("en", "fr").',
        )
    return wanted[0], wanted[1]
