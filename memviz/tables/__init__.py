"""Arrays on named axes as tidy tables, and tables as files that say where they come from.

tidy               any array on the axes layer, head, query, key, distance
measure_table      one measure of a memory
measures_table     every measure there is
pattern_table      the weights of one head
top_weights_table  the largest weights of a pattern
links_table        the strongest links of every word
received_table     which words receive the most attention
look_table         what one word looks at, in one head
next_tokens_table  what the model would say next
alignment_table    which source word each target word was read from
weights_table      how much of each target word was read from each source word
steps_table        what was written at each step of a translation, and what could have been
written_table      what a language model wrote, token by token, and what it could have
links_pharaoh      an alignment as text, 0-0 2-1, as other tools write it
words_counted      the words that its numbers count
alignment_files    both as files
csv, read_csv      a table as plain text, and back
metadata           what the columns are and where they come from, for a file beside it
word_times_table   when each word of a sound was heard
srt                the same as subtitles
npz                arrays as bytes, with their provenance inside
"""

from memviz.tables.files import csv, metadata, npz, read_csv
from memviz.tables.frames import (
    difference_table,
    links_table,
    look_table,
    measure_table,
    measures_table,
    next_tokens_table,
    pattern_table,
    received_table,
    tidy,
    top_weights_table,
)
from memviz.tables.generations import written_table
from memviz.tables.translations import (
    alignment_files,
    alignment_table,
    links_pharaoh,
    steps_table,
    weights_table,
    words_counted,
)
from memviz.tables.word_times import srt, word_times_table

__all__ = [
    "alignment_files",
    "alignment_table",
    "csv",
    "difference_table",
    "links_pharaoh",
    "links_table",
    "look_table",
    "measure_table",
    "measures_table",
    "metadata",
    "next_tokens_table",
    "npz",
    "pattern_table",
    "read_csv",
    "received_table",
    "srt",
    "steps_table",
    "tidy",
    "top_weights_table",
    "weights_table",
    "word_times_table",
    "words_counted",
    "written_table",
]
