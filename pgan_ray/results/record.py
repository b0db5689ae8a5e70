"""The sweep that a directory holds."""

from pgan_ray.errors import SpecError
from pgan_ray.results.redact import redact
from pgan_ray.results.store import Store
from pgan_ray.spec import SweepRecord, load_record


def read_sweep(store: Store) -> SweepRecord:
    """The record of the sweep in ``store``. Raises `SpecError` where there is none."""
    where = redact(store.location)
    try:
        text = store.read("sweep.yaml").decode()
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
        raise SpecError([f"{where}: must be the directory of a sweep, got no sweep.yaml in it"]) from None
    except OSError as error:
        reason = redact(" ".join(str(error).split()))
        raise SpecError([f"{where}: must be the directory of a sweep, got {reason}"]) from None
    return load_record(text, f"{where}/sweep.yaml")
