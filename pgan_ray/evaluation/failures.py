"""Errors of a component, which may be the user's: they cost its cells, and the rest of the sweep goes on."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from pgan_ray.errors import is_of_the_machine, traceback_of


class ComponentFailure(Exception):  # noqa: N818 - its text is a message for people, with the error inside
    """What a component did wrong, with its traceback."""


@contextmanager
def component(kind: str, name: str) -> Iterator[None]:
    """Work of the component ``name``: what it raises becomes a `ComponentFailure` that names it."""
    try:
        yield
    except ComponentFailure:
        raise
    except (Exception, SystemExit) as error:
        if is_of_the_machine(error):
            raise
        raise failed(kind, name, traceback_of(error)) from error


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
