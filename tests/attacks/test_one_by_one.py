"""Of a member's bits on a CPU: they are its own."""

from typing import Any

import pytest
import torch

from pgan_ray.attacks import Member, Training, train_stack
from pgan_ray.attacks.pgan import PGanConfig
from tests.attacks.settings import QUICK, TABLE_3
from tests.science import CPU, blobs


def trained(settings: dict[str, Any], replicates: range, iterations: int = 6) -> Training:
    config = PGanConfig(**settings)
    stack = train_stack(config, [Member(r, 7, config) for r in replicates], blobs(), device=CPU, precision="float32")
    stack.train(iterations)
    return stack


@pytest.mark.parametrize("settings", [TABLE_3, QUICK], ids=["table 3", "quick"])
def test_they_depend_on_no_other_member(settings: dict[str, Any]) -> None:
    whole = trained(settings, range(5))
    report, poison = whole.report(), whole.sample(9, "poison")
    for first, last in ((0, 1), (1, 3), (3, 5)):
        part = trained(settings, range(first, last))
        assert part.report() == report[first:last]
        assert torch.equal(part.sample(9, "poison"), poison[first:last])
        for index in range(first, last):
            weights = part.weights(index - first)
            assert all(torch.equal(value, weights[name]) for name, value in whole.weights(index).items())
    assert not torch.equal(poison[0], poison[1])


def test_a_checkpoint_of_a_stack_is_that_of_its_members() -> None:
    whole = trained(TABLE_3, range(3), iterations=9)
    begun = trained(TABLE_3, range(3), iterations=4)
    begun.report()
    resumed = trained(TABLE_3, range(3), iterations=0)
    resumed.load_state({name: value.clone() for name, value in begun.state().items()})
    assert resumed.iteration == 4
    resumed.train(5)
    assert resumed.iteration == whole.iteration == 9
    assert torch.equal(resumed.sample(9, "poison"), whole.sample(9, "poison"))
