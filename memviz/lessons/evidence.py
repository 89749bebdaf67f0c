"""Lessons on what is lost when something is forgotten: a word, or the tail of the cache."""

from __future__ import annotations

from memviz.experiments import cover, perplexity_by_cache
from memviz.figures.style.numbers import decimal, percent
from memviz.lessons.registry import Finding, Row, lesson, place_of
from memviz.note import Note
from memviz.progress import Progress, progress_within
from memviz.reading import Reader

HELD = 64  # keys that a small cache holds


@lesson(
    "Make it forget",
    task="On the page Forget, tap a word to cover it; the grey strokes are what covering any other word does.",
    text="The secret password of the castle is dragon. People walked slowly along the river. The secret password of "
    "the castle is",
    model="smollm2",
    question="The model may no longer look at the word that is the answer. What becomes of the answer's probability?",
    options=("It falls to less than a tenth", "It falls, to a tenth or more", "It does not fall"),
    caveat="What was covered at the last word alone may have been carried into other words' states before.",
    page="forget",
)
def password(reader: Reader, text: str, progress: Progress) -> Finding:
    """Attention reads the context by weight. If a weight is set to zero, the word is still in the text, but it cannot
    be read: the model forgets it. Only beside a control, another word covered instead, does this say anything.
    """
    answer = (reader.ask(text, None).answer or "").strip()
    found = cover(reader, text, answer, answer, progress=progress_within(progress, 0.1, 1))
    ratio = found.after / found.before
    return Finding(
        rows=(
            Row(Note("nothing covered"), found.before),
            Row(Note("“{word}” covered", {"word": answer}), found.after),
            Row(Note("another word covered (median)"), found.control),
        ),
        unit=found.question.unit,
        answer=place_of(ratio, (0.1, 1.0)),
        statement=Note(
            "Covering “{word}” took its probability from {before} to {after}; covering one of {count} other words left "
            "it between {least} and {greatest}.",
            {
                "word": answer,
                "before": percent(found.before),
                "after": percent(found.after, digits=1),
                "count": len(found.runs),
                "least": percent(found.range[0]),
                "greatest": percent(found.range[1]),
            },
        ),
    )


@lesson(
    "The first token it cannot live without",
    task="On the page Forget, a cache holds the latest 64 keys: what does it cost? Then choose the rule that keeps the "
    "first token, too.",
    text="The harbour was quiet in the morning. Fishermen mended their nets on the stones and talked about the "
    "weather, which had been cold since the end of March. A small boat left for the island with bread, letters "
    "and two passengers, a teacher and her son, who had never seen the sea before. In the afternoon the wind "
    "rose, and the gulls flew inland over the roofs. The owner of the only hotel closed the shutters on the north"
    " side and carried the chairs from the terrace into the hall. At four o'clock the telephone rang. The boat "
    "had reached the island, said the voice, but it would not come back before Sunday, because the harbour master"
    " expected a storm. The teacher and her son would sleep at the school, where there was a stove and enough "
    "wood for a week. In the evening the men sat in the back room of the hotel and played cards. Nobody spoke of "
    "the boat. The oldest of them remembered a winter in which the island had been cut off for a month, and how "
    "the people there had burned their fences to keep warm. When the storm came, shortly after midnight, it tore "
    "the sign from the bakery and carried it as far as the church.",
    model="smollm2",
    question="A cache of 64 tokens is enough for this text only if it holds the right ones. Which loses more: one that "
    "holds the last 64 tokens, or one that holds the first token and the last 63?",
    options=("The last 64 tokens", "The first token and the last 63", "They lose about the same (within a tenth)"),
    caveat="One text is no benchmark: how much is lost differs from text to text.",
    page="forget",
    settings={"view": "cache", "rule": "window", "room": str(HELD)},
)
def first_token(reader: Reader, text: str, progress: Progress) -> Finding:
    """While a model writes, it holds the keys and values of all tokens before: its cache. To save memory, old ones can
    be let go. The very first token is an attention sink: heads with nothing to look up rest on it, and without it their
    attention must go elsewhere.
    """
    curve = perplexity_by_cache(reader, text, sizes=(HELD,), policies=("window", "sinks 1"), progress=progress)
    window, first = (float(line[0]) for line in curve.perplexity)
    about = abs(window - first) <= 0.1 * min(window, first)
    return Finding(
        rows=(
            Row(Note("the whole past"), curve.full),
            Row(Note("the last {count} tokens", {"count": HELD}), window),
            Row(Note("the first token and the last {count}", {"count": HELD - 1}), first),
        ),
        unit=Note("perplexity: among how many tokens the model is as unsure; lower is better"),
        is_share=False,
        answer=2 if about else int(first > window),
        statement=Note(
            "With the whole past the perplexity is {full}; with the last {held} tokens {window}; with the first token "
            "and the last {rest}, {first}.",
            {
                "full": decimal(curve.full),
                "held": HELD,
                "window": decimal(window),
                "rest": HELD - 1,
                "first": decimal(first),
            },
        ),
    )
