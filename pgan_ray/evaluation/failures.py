"""Errors of a component, which may be the user's: they cost its cells, and the rest of the sweep goes on."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from pgan_ray.errors import PganRayError

# What is no fault of a component's: a disk, memory or GPU that fails, and rules of ours that the data does not meet.
NOT_ITS_FAULT = (OSError, MemoryError, torch.OutOfMemoryError, torch.AcceleratorError, PganRayError)


class ComponentFailure(Exception):  # noqa: N818 - its text is a message for people, with the error inside
    """What a component did wrong, with its traceback."""


@contextmanager
def component(kind: str, name: str) -> Iterator[None]:
    """Work of the component ``name``: what it raises becomes a `ComponentFailure` that names it."""
    try:
        yield
    except (*NOT_ITS_FAULT, ComponentFailure):
        raise
    except Exception as error:
        # From where it was called on: what lies around it is of no use to its author.
        shown = traceback.TracebackException(type(error), error, error.__traceback__)
        shown.stack = traceback.StackSummary.from_list(shown.stack[1:])
        raise failed(kind, name, "".join(shown.format()).rstrip()) from error


def expect(holds: bool, kind: str, name: str, rule: str) -> None:
    """Raise `ComponentFailure` unless what the component gave ``holds``."""
    if not holds:
        raise failed(kind, name, rule)


def failed(kind: str, name: str, reason: str) -> ComponentFailure:
    """The failure of the component ``name``. A reason of more than one line begins on a line of its own."""
    return ComponentFailure(f"the {kind} `{name}` failed:{chr(10) if chr(10) in reason else ' '}{reason}")


def described(value: object) -> str:
    """What was given, for a message."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)} and {value.dtype}"
    return f"an object of {type(value).__qualname__}"
