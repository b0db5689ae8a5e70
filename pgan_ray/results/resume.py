"""Whether a sweep can be gone on with: what is finished of it counts, so all of it must be whole."""

from collections.abc import Iterator

from pgan_ray.errors import SpecError
from pgan_ray.results import generators, probes, victims
from pgan_ray.results.checkpoints import CHECKPOINTS, find_checkpoints
from pgan_ray.results.directory import DATA_FILE, Directory
from pgan_ray.results.ending import SUMMARY
from pgan_ray.results.lease import FILE as DRIVER
from pgan_ray.results.redact import redact
from pgan_ray.results.store import Store
from pgan_ray.results.trials import FOLDER as SEARCH
from pgan_ray.results.trials import read_trials
from pgan_ray.spec import SweepRecord, trial_id

MOST_TOLD = 20
# Each end of a sweep writes them again.
_REWRITTEN = (DRIVER, SUMMARY, "timeline.json", "genuine.parquet", DATA_FILE)
_AGAIN = {
    victims.FOLDER: "its cells are run again",
    generators.FOLDER: "the generator is trained again",
    probes.FOLDER: "the trial is probed again",
}


def check_resumable(store: Store, record: SweepRecord) -> None:
    """See that everything that is finished of the sweep in ``store`` can be used.

    Raises `SpecError`: a line for each file that cannot, and what to delete so that it is made again.
    """
    lines = [*_obstacles(store), *_of_lost_trials(store, record)]
    directory = Directory(store, record)
    directory.examine()
    told: dict[str, str] = {}  # what to delete -> the line: a generator is deleted as a whole
    for name, reason in sorted(directory.damaged.items()):
        kind, _, rest = name.partition("/")
        whole = name.rpartition("/")[0] if kind == generators.FOLDER else name
        remedy = f"delete {redact(store.place(whole))}, and {_AGAIN[kind]}" if rest else "make it readable"
        told.setdefault(whole, f"{redact(store.place(name))}: {reason}; {remedy}")
    lines += told.values()
    try:
        find_checkpoints(store, record)
    except OSError as error:
        lines.append(f"{redact(store.place(CHECKPOINTS))}: {redact(str(error))}; make it readable, or delete it")
    if lines:
        more = [f"... and {len(lines) - MOST_TOLD} more"] if len(lines) > MOST_TOLD else []
        raise SpecError(lines[:MOST_TOLD] + more)


def _of_lost_trials(store: Store, record: SweepRecord) -> Iterator[str]:
    """What there is of a search's trials that have no file: asked for again, they may have other values."""
    if record.sweep.search is None:
        return
    asked = {trial_id(key) for key in read_trials(store, record)}
    places = {one.id for one in record.sweep.configurations if one.trial is not None and one.id == trial_id(one.trial)}
    for kind in (generators.FOLDER, victims.FOLDER):
        there = {name.split("/")[1] for name in store.names(kind)}
        for lost in sorted(there & places - asked):
            rule = f"must be of a trial with a file in {SEARCH}, got no such file; bring it back, or delete this folder"
            yield f"{redact(store.place(f'{kind}/{lost}'))}: {rule}, so that the trial is run again"


def _obstacles(store: Store) -> Iterator[str]:
    """What stands where files or folders will be written."""
    for name in (victims.FOLDER, generators.FOLDER, probes.FOLDER, CHECKPOINTS):
        if store.exists(name):
            yield f"{redact(store.place(name))}: must be a directory, got a file; delete it"
    for name in _REWRITTEN:
        try:
            store.read(name, 0)
        except FileNotFoundError:
            continue
        except OSError as error:
            if not store.exists(name):
                yield f"{redact(store.place(name))}: {redact(str(error))}; delete it"
