"""Finding in a sweep's directory what is said of a data set."""

from pathlib import Path
from typing import Any

import pytest

from pgan_ray.results import dataset_entry
from pgan_ray.runner.worker import dataset_key
from pgan_ray.spec import Settings
from tests.tiny import dataset_config, tiny_sweep

DIGITS = '{"name":"digits","path":null,"value_range":null,"test_fraction":0.2}'
UNSAID = '{"name":null,"path":"a.npz","value_range":null,"test_fraction":0.2}'
RANGED = '{"name":null,"path":"a.npz","value_range":[0.0,2.0],"test_fraction":0.2}'
HELD = '{"name":null,"path":"a.npz","value_range":null,"scaling":"none","test_fraction":0.2,"judged_on":"validation"}'


@pytest.mark.parametrize(
    ("keys", "old"),
    [
        ({"name": "digits"}, DIGITS),
        ({"path": "a.npz", "scaling": "none", "judged_on": "validation"}, HELD),
        # Floats were left as they are, without a word.
        ({"path": "a.npz", "scaling": "none"}, UNSAID),
        ({"path": "a.npz", "value_range": [0, 2]}, RANGED),
    ],
)
def test_a_data_set_is_found_by_the_names_that_earlier_versions_gave_it(
    keys: dict[str, Any], old: str, tmp_path: Path
) -> None:
    base = tiny_sweep(tmp_path).configurations[0].settings

    def of(seed: int = 0, **keys: Any) -> Settings:
        return base.model_copy(update={"dataset": dataset_config(**keys), "seed": seed})

    settings = of(**keys)
    entries = {dataset_key(of(name="gaussians")): 1, f"{old} seed 3": 2, f"{old} seed 0": 3}
    assert dataset_entry(entries, settings) == 3
    assert dataset_entry(entries, of(3, **keys)) == 2
    assert dataset_entry({**entries, dataset_key(settings): 3}, settings) == 3
    for other in (of(4, **keys), of(**{**keys, "test_fraction": 0.3})):
        with pytest.raises(LookupError, match="seed"):
            dataset_entry(entries, other)
