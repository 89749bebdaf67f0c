"""A token that is looked at hard may write little: weights beside value norms."""

import numpy as np

import memviz

trace = memviz.read("The cat sat on the mat because it was tired.", model="minilm")
memory = trace.memory()

# %% ‖value · W_O‖ is what a full weight on a token would write. On [CLS], where attention rests, it is small.
norms = memviz.measures.value_norms(memory)
print("layer  looked at  written   (share of [CLS] in what all tokens look at, and in what is written)")
for layer in range(memory.layers):
    looked = np.stack([memory.pattern(layer, head) for head in range(memory.heads)])
    written = looked * norms[layer][:, None, :]
    print(f"{layer:5}  {looked[..., 0].sum() / looked.sum():9.0%}  {written[..., 0].sum() / written.sum():7.0%}")

# %% One head in full, by weight and by what is written.
by_weight = memviz.figures.pattern(memory, layer=2, head=4)
by_norm = memviz.figures.pattern(memory, layer=2, head=4, view="value norm")
