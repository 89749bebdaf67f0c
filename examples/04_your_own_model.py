"""Any transformers model you already hold can be read: here a tiny one with random weights."""

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

import memviz

# %% A model and its tokenizer, built on the spot; nothing is downloaded.
text = "a memory is what remains of a text when the text is gone"
words = {word: number for number, word in enumerate(["[UNK]", *dict.fromkeys(text.split())])}
built = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
built.pre_tokenizer = pre_tokenizers.Whitespace()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=built, unk_token="[UNK]")
sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
model = LlamaForCausalLM(LlamaConfig(vocab_size=len(words), num_key_value_heads=2, **sizes))

# %% The reader compares its reading with the model's own weights once, and leaves the model as it was.
reader = memviz.Reader(model, tokenizer)
trace = reader.read(text)
print(trace, f"read as: {trace.model.method}")
print(memviz.tables.tidy(memviz.measures.received(trace.memory()), ("layer", "head", "key"), trace.memory()).head())
print(reader.read(text, forget=memviz.Forget(keys=[1])).memory().pattern(1, 3)[-1].round(2))
