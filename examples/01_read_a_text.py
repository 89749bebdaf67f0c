"""What does a text remember? Read it once, then ask the trace."""

import memviz

trace = memviz.read("The cat sat on the mat because it was tired.", model="minilm")
memory = trace.memory()
print(trace)
print(memory)

# %% Where does "it" look, in one head and in all? The strongest look is not the most special one.
it, cat = (next(n for n, token in enumerate(trace.tokens) if token.text == text) for text in ("it", "cat"))
for layer, head in ((5, 11), (3, 1)):
    weight = memory.pattern(layer, head)[it, cat]
    lift = memviz.measures.lift(memory, layer, head)[it, cat]
    print(f"L{layer}.H{head}: {weight:.0%} of “it” goes to “cat”, {lift:.1f} × what other words give")

# %% The links of every word, each in the head where it is most special.
remembers, remembered_by = memviz.measures.links(memory, *trace.sides(), without=memviz.measures.sink_positions(memory))
table = memviz.tables.links_table(remembers, trace.words, trace.words)
print(table[table["rank"] == 0].drop(columns=["rank", "word", "other"]).round(2).to_string(index=False))

# %% A picture: `figure.show()` in a notebook.
figure = memviz.figures.pattern(memory, layer=3, head=1)
