"""``transcribe`` and ``look``: open a model that hears or sees, and show which moments or patches it looked at."""

from __future__ import annotations

import argparse
from pathlib import Path

import memviz
from memviz.command.readings import check, show
from memviz.command.sense_views import PictureView, SoundView
from memviz.sources import picture_as_jpeg


def transcribe(options: argparse.Namespace) -> None:
    """Write down a sound, and show when each word was heard."""
    check(options, more=(".srt",))
    reader = memviz.load(options.model, device=options.device, precision=options.precision)
    trace = reader.transcribe(options.file, target=options.target, start=options.start, language=options.language)
    heard = reader.spectrogram(options.file, start=options.start)
    show(SoundView(trace, heard, Path(options.file).read_bytes(), options.layer, options.head), options)


def look(options: argparse.Namespace) -> None:
    """Look at a picture, and show where [CLS] looks most in every head, or which patches it looks at in one."""
    check(options)
    reader = memviz.load(options.model, device=options.device, precision=options.precision)
    trace = reader.look(options.file)
    content = Path(options.file).read_bytes()
    show(PictureView(trace, content, picture_as_jpeg(content), options.layer, options.head), options)
