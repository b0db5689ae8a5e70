"""What a sweep's directory says of its data sets: their names, digests, and what their values stand for."""

import json
from collections.abc import Mapping
from typing import Any

from pgan_ray.spec import Settings
from pgan_ray.spec.dataset import OWN_FILE, section_of_today

DATA_FILE = "data.json"  # of each data set: name, digest, value range, image shape


def dataset_entry(entries: Mapping[str, Any], settings: Settings) -> Any:
    """Of ``entries`` by section and seed, maybe an earlier version's, the one of ``settings``. Raises `LookupError`."""
    own = settings.dataset.model_dump(mode="json")
    # The key itself; one with more keys, null; one that did not say yet that floats were left as they are.
    for unsaid in ((), ("scaling",)):
        for key, entry in entries.items():
            section, _, seed = key.rpartition(" seed ")
            if seed == str(settings.data_seed) and _said(json.loads(section), unsaid) == _said(own, unsaid):
                return entry
    raise LookupError(f"{settings.dataset.model_dump_json()} seed {settings.data_seed}")


def _said(section: Mapping[str, Any], unsaid: tuple[str, ...]) -> dict[str, Any]:
    section = {"name": OWN_FILE, "judged_on": "test", **section_of_today(section)}
    return {key: value for key, value in section.items() if value is not None and key not in ("split_seed", *unsaid)}
