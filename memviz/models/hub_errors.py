"""What can go wrong between us and the model hub, and what can a person do about it?"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from memviz.errors import FetchError, MemVizError, ModelFileError, UnknownModelError, UnsafeModelError
from memviz.models import folders
from memviz.models.catalogue import DEFAULT
from memviz.note import Note


class UnreachableError(FetchError):
    """The hub did not answer at all."""


@contextlib.contextmanager
def as_hub_error(id: str) -> Iterator[None]:
    """Turn what goes wrong between us and the hub into an error that says what to do."""
    from huggingface_hub import errors

    try:
        yield
    except MemVizError:
        raise
    except errors.GatedRepoError as error:
        raise FetchError(
            "{id} is gated: its owner asks you to accept terms before the download.",
            todo="Accept them at https://huggingface.co/{id}, log in with: hf auth login, and try again.",
            id=id,
        ) from error
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise UnknownModelError(
            "The model hub has no public model {id}.", todo="Check the spelling of the id (owner/name).", id=id
        ) from error
    except errors.HfHubHTTPError as error:
        raise FetchError(
            "The model hub refused to give {id}: {said}",
            todo="Try again later.",
            id=id,
            said=str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__,
        ) from error
    except Exception as error:
        raise UnreachableError(
            "The model hub could not be reached, and {id} is not on this machine yet ({said}).",
            todo="Check the network. The models {models} need no hub, only a Python package index.",
            models=", ".join(DEFAULT),
            id=id,
            said=" ".join([type(error).__name__, *str(error).strip().splitlines()[:1]])[:120],
        ) from error


@contextlib.contextmanager
def as_damage_error(name: str, *, file: str) -> Iterator[None]:
    """Where a ``file`` on this machine is damaged and cannot be fetched again, say both, and why."""
    try:
        yield
    except (FetchError, UnknownModelError) as error:
        if not file:
            raise
        raise ModelFileError(
            "The file {file} of {name} does not hold any more what was fetched, and could not be fetched again. {why}",
            todo="Check the network, and try again.",
            file=file,
            name=name,
            why=Note(error.happened, error.values),
        ) from error


def no_safetensors(id: str, info: Any) -> UnsafeModelError:
    """The error for a repository whose weights nobody has converted: what it has instead, and the way on."""
    names = sorted(sibling.rfilename for sibling in info.siblings or ())
    others = [name for name in names if name.endswith((".gguf", *folders.PICKLES))]
    todo = "Choose a model that has model.safetensors."
    if any(name.endswith(folders.PICKLES) for name in others):
        todo = (
            "MemViz never opens these: they can run programs. Ask for a conversion at "
            "https://huggingface.co/spaces/safetensors/convert and try again when it is offered there, "
            "or choose a model that has model.safetensors."
        )
    elif others:
        todo = "Download one of its .gguf files and open it by its path."
    return UnsafeModelError(
        "{id} has no weights in the safetensors format (it has {found}).",
        todo=todo,
        id=id,
        found=", ".join(others[:3]) or Note("none at all"),
    )
