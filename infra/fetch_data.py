"""Downloads data sets to where `PGAN_RAY_DATA` shall say: ``python infra/fetch_data.py FOLDER mnist fashion-mnist``."""

import sys
from dataclasses import replace
from pathlib import Path

from pgan_ray.data.known import IDX_DATASETS
from pgan_ray.data.sources import load_idx


def main(folder: Path, *names: str) -> None:
    """Download what is not in ``folder`` yet; what is there is checked."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name not in IDX_DATASETS:
            sys.exit(f"data set: must be of {', '.join(sorted(IDX_DATASETS))}, got {name}")
        known = replace(IDX_DATASETS[name], system_folders=())  # what lies elsewhere on this machine is of no use there
        _, source = load_idx(known, data_dir=folder, cache_dir=folder, progress=print)
        sys.stdout.write(f"{name}: {source}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
