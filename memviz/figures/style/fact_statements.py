"""What is said of experiments on what a model knew before it read? Computed from their numbers alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from memviz.figures.style.numbers import decimal, percent, times
from memviz.figures.style.statements import cover_statement, value_text
from memviz.note import Note
from memviz.tokens import distinct_texts, printable

FEW = 5  # other words, below which nothing is said of chance


def lens_statement(result: Any) -> Note:
    """From which layer on is the answer the likeliest, and how it stood before the first layer and behind the last."""
    ranks, values = result.ranks[:, result.position], result.probabilities[:, result.position]
    first = result.first_layer
    numbers = {
        "answer": printable(result.answer.strip() or result.answer),
        "rank": f"{int(ranks[0]):,}",
        "last": f"{int(ranks[-1]):,}",
        "probability": percent(float(values[-1]), digits=1),
        "layer": None if first is None else first - 1,
    }
    if first is None:
        return Note(
            "“{answer}” has rank {rank} before the first layer and rank **{last}** after the last, with {probability}: "
            "it is never the likeliest to the end.",
            numbers,
        )
    if first == 0:
        return Note(
            "“{answer}” is the likeliest before the first layer already, and stays so; after the last it has "
            "{probability}.",
            numbers,
        )
    if first == len(ranks) - 1:
        return Note(
            "“{answer}” has rank {rank} before the first layer; only after the last layer, **L{layer}**, is it the "
            "likeliest, with {probability}.",
            numbers,
        )
    return Note(
        "“{answer}” has rank {rank} before the first layer; from layer **L{layer}** on it is the likeliest and stays "
        "so, and after the last it has {probability}.",
        numbers,
    )


def conflict_statement(result: Any) -> Note:
    """What the text says and what the weights say, with and without the edge to the former, beside the control."""
    context, fact = result.context, result.fact
    names = distinct_texts(context.words)
    return Note(
        "{cover} Meanwhile “{fact}” went from **{before}** to **{after}**. {switch}",
        {
            "cover": cover_statement(context, [names[number] for number in context.covered]),
            "fact": (fact.question.answer or "").strip(),
            "before": value_text(fact.question.kind, fact.before),
            "after": value_text(fact.question.kind, fact.after),
            "switch": _switch(result),
        },
    )


def _switch(result: Any) -> Note:
    """Did the text win first, and the weights then?"""
    if result.switched:
        return Note("The text's word was the likelier of the two, and is no longer once it cannot be looked at.")
    if result.context.before <= result.fact.before:
        return Note("The text's word was not the likelier of the two to begin with: there is nothing to switch.")
    return Note("The text's word stays the likelier of the two, although it cannot be looked at.")


def recital_statement(result: Any) -> Note:
    """How surprising both texts are, and how much of each the model writes by itself."""
    known, invented = result.known, result.invented
    return Note(
        "The first text surprises the model by **{known}** nats a token, the invented one by **{invented}**. Given its "
        "first half, the model goes on with **{same}** of the {words} other words of the first, and with {same2} of "
        "the {words2} of the invented one. Surprisal over the bytes of zlib: {ratio} and {ratio2}.",
        {
            "known": decimal(known.mean, digits=2),
            "invented": decimal(invented.mean, digits=2),
            "same": known.same,
            "words": known.words,
            "same2": invented.same,
            "words2": invented.words,
            "ratio": decimal(known.ratio, digits=2),
            "ratio2": decimal(invented.ratio, digits=2),
        },
    )


def windows_beyond(result: Any) -> list[int]:
    """In which windows of layers, by number, does the word matter more than every other word?"""
    if not result.others:
        return []
    return np.flatnonzero(result.values < result.controls.min(axis=1)).tolist()


def window_names(result: Any) -> list[str]:
    """What each window of layers is called: L0–4."""
    ends = [min(start + result.window, result.layers) - 1 for start in result.starts]
    return [f"L{start}" if start == end else f"L{start}–{end}" for start, end in zip(result.starts, ends, strict=True)]


def feedforward_statement(result: Any) -> Note:
    """Where the networks at a word matter most, beside other words, and how many windows chance alone would give."""
    kind = result.question.kind
    lowest = int(np.argmin(result.values))
    names = distinct_texts(result.words)
    values = {
        "words": "”, “".join(names[number] for number in result.numbers),
        "answer": (result.question.answer or "").strip(),
        "layers": window_names(result)[lowest],
        "before": value_text(kind, result.before),
        "after": value_text(kind, float(result.values[lowest])),
        "comparison": _others(result, lowest),
    }
    if kind == "vector":
        return Note(
            "Without the MLPs of {layers} at “{words}” the cosine of the text's vector to the unchanged one is "
            "**{after}**, the lowest of all windows. {comparison}",
            values,
        )
    return Note(
        "Without the MLPs of {layers} at “{words}” the answer “{answer}” goes from **{before}** to **{after}**, the "
        "lowest of all windows. {comparison}",
        values,
    )


def _others(result: Any, lowest: int) -> Note:
    """The same layers at every other word, and in which windows no other word matters as much."""
    count, windows = len(result.others), len(result.starts)
    if count < FEW:
        return Note("Only {count} other words can be compared: too few to say.", {"count": count})
    kind, controls, beyond = result.question.kind, result.controls[lowest], windows_beyond(result)
    values = {
        "count": count,
        "low": value_text(kind, float(controls.min())),
        "high": value_text(kind, float(controls.max())),
        "within": "" if lowest in beyond else Note(": not distinguishable from chance there"),
        "windows": windows,
        "beyond": len(beyond),
        "names": ", ".join(window_names(result)[number] for number in beyond),
        "chance": decimal(windows / (count + 1), digits=1),
    }
    if not beyond:
        return Note(
            "At any of {count} other words the same layers leave it between {low} and {high}{within}. In none of the "
            "{windows} windows does this word matter more than every other.",
            values,
        )
    return Note(
        "At any of {count} other words the same layers leave it between {low} and {high}{within}. No other word "
        "matters as much in {beyond} of {windows} windows ({names}); chance alone would give {chance}.",
        values,
    )


def entity_statement(result: Any) -> Note:
    """Which span is looked back at hardest, beside all words that name nothing."""
    told = np.isfinite(result.lifts)
    if not told.any():
        return Note(
            "{count} names, dates and places were found, and too few words follow any of them to say who looks back.",
            {"count": len(result.entities)},
        )
    best = int(np.nanargmax(result.lifts))
    values = {
        "count": int(told.sum()),
        "entity": result.entities[best].text,
        "lift": times(float(result.lifts[best])),
        "others": len(result.controls),
        "verdict": _entity_verdict(result),
    }
    if len(result.controls) < FEW:
        return Note(
            "Later words look back hardest at “{entity}”: **{lift}** an even look. Only {others} other words can be "
            "compared: too few to say.",
            values,
        )
    return Note(
        "Of {count} names, dates and places, later words look back hardest at “{entity}”: **{lift}** an even look. "
        "{verdict}",
        values,
    )


def _entity_verdict(result: Any) -> Note | str:
    """Is the hardest look at an entity harder than that at any other word, and how many are above the middle?"""
    if len(result.controls) < FEW:
        return ""
    lifts = result.lifts[np.isfinite(result.lifts)]
    hardest = int(np.argmax(result.controls))
    values = {
        "median": times(result.control),
        "above": int((lifts > result.control).sum()),
        "count": len(lifts),
        "others": len(result.controls),
        "word": result.words[result.others[hardest]].text,
        "largest": times(float(result.controls[hardest])),
    }
    if lifts.max() > result.controls.max():
        return Note(
            "None of the {others} other words is looked at as hard: in the middle they get {median}, at most "
            "{largest}. {above} of the {count} lie above that middle; chance alone would give half.",
            values,
        )
    return Note(
        "The {others} other words get {median} in the middle, and “{word}” gets {largest}: not distinguishable from "
        "other words here. {above} of the {count} lie above that middle; chance alone would give half.",
        values,
    )
