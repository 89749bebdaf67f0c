"""How does a file of another format become a model that loads in a second? Once, saved as safetensors.

Opening a GGUF file costs half a minute every time, most of it spent on reading its vocabulary three
times over. So the file is opened once, in a process of its own that reads it once, can be stopped,
and gives its memory back. The files of `dinov2_file`, `whisper_file` and `e5_file` are converted there too.

The weights of a GGUF file are saved in float32: exactly the values that transformers computes from the quantised
blocks, and what a reading on a CPU needs, so that the file is mapped into memory instead of being
converted. On one machine float32 opened in 0.1 s, bfloat16 and float16 in 1.1 s, at twice the space.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any, cast, get_args

from memviz.errors import FetchError
from memviz.models import cache, child, dinov2_file, e5_file, whisper_file
from memviz.models.entry import Conversion
from memviz.progress import Progress, no_progress

_PROGRESS = re.compile(r"^(\d\.\d{3})\t(.*)\n", re.MULTILINE)


def convert_apart(kind: Conversion, source: Path, *, into: Path, work: Path, progress: Progress = no_progress) -> None:
    """Write the model in the folder ``source`` as a transformers folder, in a process that is watched from outside.

    ``work`` is a new folder for what the process leaves behind. If ``progress`` raises, the process
    is stopped. Raises ``FetchError`` if it fails.
    """
    work.mkdir(parents=True)
    program = "from memviz.models.conversion import main; main()"
    command = child.python_command(program, kind, str(source), str(into))
    places = [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")]
    env = {"PYTHONPATH": os.pathsep.join(place for place in places if place)}
    with child.process_of(command, into=work, env=env) as process:
        while not child.has_ended(process, within=0.2):
            progress(*_latest(work / "out.log"))
    if process.returncode != 0:
        raise _failed(source.name.removesuffix(".source"), log=child.output(work))


def convert(kind: Conversion, source: Path, *, into: Path, progress: Progress = no_progress) -> None:
    """The conversion itself, in this process: of what lies in the folder ``source``."""
    if kind == "gguf":
        into.mkdir(parents=True, exist_ok=True)
        gguf = next(source.glob("*.gguf"))
        for file in source.iterdir():
            if file != gguf:
                shutil.copy(file, into / file.name)  # its licence
        _convert_gguf(gguf, into=into, progress=progress)
        return
    converts = {"dinov2": dinov2_file.convert, "whisper": whisper_file.convert, "e5": e5_file.convert}
    converts[kind](source, into=into, progress=progress)


def _convert_gguf(gguf: Path, *, into: Path, progress: Progress) -> None:
    import gguf as library

    from memviz.models.loader import load_gguf, quietly

    # transformers parses the file for the configuration, the tokenizer and the weights; once is enough.
    library.GGUFReader = functools.lru_cache(maxsize=1)(library.GGUFReader)  # type: ignore[misc, assignment]
    progress(0.02, "Converting, once")
    model, tokenizer = load_gguf(gguf, attn_implementation="eager", progress=progress)
    progress(0.9, "Saving")
    with quietly():
        _save(model, tokenizer, into=into)


def _save(model: Any, tokenizer: Any, *, into: Path) -> None:
    """Save as an ordinary model: nothing in it may say any more that it is quantised."""
    model.hf_quantizer = None
    tokenizer.model_max_length = model.config.max_position_embeddings
    model.save_pretrained(into)
    tokenizer.save_pretrained(into)
    for name, unwanted in (
        ("config.json", ("quantization_config", "_model_name_or_path")),
        ("tokenizer_config.json", ("local_files_only", "is_local")),
    ):
        path = into / name
        settings = json.loads(path.read_text(encoding="utf-8"))
        for key in unwanted:
            settings.pop(key, None)
        path.write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _latest(log: Path) -> tuple[float, str]:
    """The last whole line that the process wrote about its progress."""
    lines = _PROGRESS.findall(log.read_text(encoding="utf-8", errors="replace"))
    fraction, label = lines[-1] if lines else ("0", "Converting, once")
    return float(fraction), label


def _failed(file: str, *, log: str) -> FetchError:
    if child.is_disk_full(log):
        return cache.disk_full(cache.folder())
    lines = [line.strip() for line in log.splitlines() if line.strip()] or ["it was stopped"]
    return FetchError(
        "{file} could not be converted: {said}",
        todo="Check that gguf and accelerate are installed and that 2 GB of memory are free; then try again.",
        file=file,
        said=lines[-1][:300],
    )


def main() -> None:
    """Convert what is of the kind named first, in the folder named second, into the third; say how far it is."""
    kind, source, into = sys.argv[1:4]
    if kind not in get_args(Conversion):
        raise ValueError(kind)
    convert(cast("Conversion", kind), Path(source), into=Path(into), progress=_tell)


def _tell(fraction: float, label: str) -> None:
    sys.stdout.write(f"{fraction:.3f}\t{label}\n")
    sys.stdout.flush()
