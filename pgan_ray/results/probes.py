"""What a search's trials come to at rungs: victims' rows of few cells, ``probes/trial=0007/0.5/r0-4.parquet``.

A file is written last of what a trial does at a rung: where it is, the checkpoint that the trial goes on from was too.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pgan_ray.results.identity import identity
from pgan_ray.results.store import Store
from pgan_ray.results.victims import identified, table_of
from pgan_ray.spec import SweepRecord

FOLDER = "probes"


def probe_folder(configuration: str, rung: float) -> str:
    """Where the probes of one trial at one rung are; ``rung``: the share of the training."""
    return f"{FOLDER}/{configuration}/{rung!r}"


def _file(configuration: str, rung: float, replicates: Sequence[int]) -> str:
    return f"{probe_folder(configuration, rung)}/r{replicates[0]}-{replicates[-1]}.parquet"


def write_probe(
    store: Store,
    record: SweepRecord,
    configuration: str,
    rung: float,
    replicates: Sequence[int],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Write the ``rows`` of the replicates of one stack, whole. Raises `ValueError` as `write_rows`."""
    store.write_table(_file(configuration, rung, replicates), identified(table_of(rows), identity(record)))


def has_probe(store: Store, configuration: str, rung: float, replicates: Sequence[int]) -> bool:
    """Whether the stack of these replicates came to the rung."""
    return store.exists(_file(configuration, rung, replicates))
