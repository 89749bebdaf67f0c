"""A lesson on words: what they mean before a text is read, and what a text makes of them."""

from __future__ import annotations

from memviz.embeddings import drift
from memviz.errors import ReadingError
from memviz.figures.style.numbers import decimal
from memviz.lessons.registry import Finding, Row, lesson, place_of
from memviz.note import Note
from memviz.progress import Progress
from memviz.reading import Reader


@lesson(
    "Words have a first memory",
    task="On the page Words, look up a word: its neighbours are known before any text is read.",
    text="bank\n"
    "He sat on the bank of the river and watched the water.\n"
    "She put her money in the bank and checked her account.\n"
    "The bank of the river was covered with grass.",
    model="minilm",
    question="The first line is a word, the others are texts with it. Before the first layer its vector is the same in "
    "all texts but for its place. After the last layer, how alike is it in the first and in the second text?",
    options=("Cosine below .5", "Cosine from .5 to .8", "Cosine above .8"),
    caveat="A cosine compares directions only, and how far apart any two words are differs from model to model.",
    page="words",
    opens="He sat on the bank of the river and watched the water.",
    settings={"lookup": "bank"},
)
def words(reader: Reader, text: str, progress: Progress) -> Finding:
    """A token begins as a row of the embedding table: a memory of how it was used in training, the same in every text.
    Layer by layer the context is mixed in, and one word becomes as many as it has meanings.
    """
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if len(lines) != 4:
        raise ReadingError(
            "This lesson needs a word and three texts, and there are {count} lines.",
            todo="Write the word on the first line, and three texts with it on the next.",
            count=len(lines),
        )
    word, first, second, third = lines
    apart, alike = drift(reader, word, first, second), drift(reader, word, first, third)
    progress(1.0, "Ready")
    return Finding(
        rows=(
            Row(Note("first and second text, before any layer"), float(apart[0])),
            Row(Note("first and second text, after the last"), float(apart[-1])),
            Row(Note("first and third text, after the last"), float(alike[-1])),
        ),
        unit=Note("cosine of the word in both texts"),
        is_share=False,
        answer=place_of(float(apart[-1]), (0.5, 0.8)),
        statement=Note(
            "“{word}” in the first two texts: cosine {start} before any layer, {end} after the last; in the first and "
            "the third it ends at {alike}.",
            {
                "word": word,
                "start": decimal(float(apart[0]), digits=2),
                "end": decimal(float(apart[-1]), digits=2),
                "alike": decimal(float(alike[-1]), digits=2),
            },
        ),
    )
