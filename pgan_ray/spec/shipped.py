"""The sweeps that come with the package, by name."""

import difflib
import os
from pathlib import Path

from pgan_ray.errors import SpecError
from pgan_ray.spec.yaml_file import SweepText, read_text
from pgan_ray.text import printable_line

# Where a wheel has them, and where they are in a checkout.
_FOLDERS = (Path(__file__).parents[1] / "sweeps_shipped", Path(__file__).parents[2] / "sweeps")
_ENDINGS = (".yaml", ".yml")


def shipped_sweeps() -> dict[str, Path]:
    """The files of the shipped sweeps, by name."""
    folder = next((folder for folder in _FOLDERS if folder.is_dir()), None)
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))} if folder else {}


def sweep_text(given: str | Path) -> SweepText:
    """The sweep file at the path ``given``; or the shipped sweep of that name, where no file here is called so.

    Raises `SpecError` where it is neither, or cannot be read.
    """
    name, path = str(given), Path(given)
    is_path = path.suffix.lower() in _ENDINGS or any(sign in name for sign in (os.sep, os.altsep) if sign)
    exists = os.path.exists(path)  # noqa: PTH110 - false for what no file can be called
    is_file = exists and not path.is_dir()
    shipped = shipped_sweeps()
    if is_path and path.stem in shipped and not exists:
        raise SpecError([f"{name}: must be a sweep file, got no such file; for the shipped sweep, write `{path.stem}`"])
    if is_path or is_file:
        return read_text(path)
    if name in shipped:
        return SweepText(read_text(shipped[name]).text, name)
    near = difflib.get_close_matches(name, shipped, n=1)
    meant = f"did you mean `{near[0]}`? " if near else ""
    raise SpecError(
        [
            f"{printable_line(name)}: must be a sweep file or the name of a shipped sweep, got neither; {meant}"
            f"shipped: {', '.join(shipped)}"
        ]
    )
