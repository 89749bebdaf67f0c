"""Which heads remember the token before, and which find what came next the last time?"""

import random

import memviz

# %% Words in random order, twice: whoever knows the second half has remembered the first.
WORDS = "river stone lamp garden paper cloud table music winter bridge silver market window forest letter".split()
drawn = random.Random(0).sample(WORDS, len(WORDS))
reader = memviz.load("smollm2")
trace = reader.read("# " + " ".join(drawn * 2))
memory = trace.memory()
once = len(WORDS) + 1
first, second = trace.logprobs[2:once].mean(), trace.logprobs[once + 1 :].mean()
print(f"mean log-probability of a word: {first:.1f} the first time, {second:.1f} the second")

# %% The scores that find the two kinds of heads, and the plain name of every head.
for name in ("previous_token", "induction", "duplicate_token"):
    table = memviz.tables.measure_table(name, memory)
    print(f"\n{table.attrs['label']} ({table.attrs['unit']})")
    print(table.nlargest(3, name).round(2).to_string(index=False))
found = (memviz.measures.roles(memory) == "induction").nonzero()
print("\ninduction heads:", ", ".join(f"L{layer}.H{head}" for layer, head in zip(*found, strict=True)))
