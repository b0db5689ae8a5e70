"""matplotlib, imported whatever ``MPLBACKEND`` says: Jupyter exports a backend that need not be installed where we run.

We draw on canvases of our own (`canvas`) and need none; a user's choice that can be kept is kept.
"""

import os
import sys
from contextlib import suppress
from types import ModuleType

VARIABLE = "MPLBACKEND"


def _imported() -> ModuleType:
    is_first = "matplotlib" not in sys.modules
    chosen = os.environ.pop(VARIABLE, None)  # matplotlib cannot be imported where it names what is not there
    try:
        import matplotlib as mpl
    finally:
        if chosen is not None:
            os.environ[VARIABLE] = chosen
    if is_first and chosen:
        with suppress(ValueError):
            mpl.rcParams["backend"] = chosen  # as matplotlib itself does
    return mpl


MATPLOTLIB = _imported()
