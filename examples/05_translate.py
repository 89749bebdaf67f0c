"""What did the decoder read to write this word? A real encoder-decoder, offline."""

import memviz

trace = memviz.translate("The black cat drinks cold milk.", model="firefox-en-pt")
memory, sides = trace.memory("cross"), trace.sides("cross")
print(trace.output)

# %% Which source word was each word read from, in the head that was taught to align?
table = memviz.tables.alignment_table(memory, sides, layer=1, head=0, logprobs=trace.logprobs)
print(table[["target_word", "source_word", "weight", "probability"]].round(2).to_string(index=False))

# %% How wrong is a head, by an alignment made by hand? Some that were not taught, such as L0.H5, align when shifted.
gold = memviz.measures.Gold.parse("0-0 2-1 1-2 3-3 5-4 4-5 6-6")
for shift in (0, 1):
    errors = memviz.measures.aer_by_head(memory, sides, gold, shift=shift)
    print(f"shift {shift}: L1.H0 {errors[1, 0]:.0%}, L0.H5 {errors[0, 5]:.0%} of the links are wrong")

# %% What does it write when it may not read a word?
reader = memviz.load("firefox-en-pt")
for word in trace.words[1:3]:
    print(f"without “{word.text}”:", reader.translate(trace.text, forget=memviz.Forget(keys=word.tokens)).output)

# %% The memory that fades: what the decoder keeps of its own words, without looking anything up.
print(trace.recurrent, trace.recurrent.pattern(layer=0)[-1].round(2))
