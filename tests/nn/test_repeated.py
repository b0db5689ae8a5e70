import gc
import weakref

import torch

from pgan_ray.nn import Repeated


class Work:
    """Has what repeats it, as a training has."""

    def __init__(self) -> None:
        self.random = torch.Generator().manual_seed(1)
        self.repeated = Repeated(self.random)

    def __call__(self) -> tuple[torch.Tensor, ...]:
        return (torch.rand(3, generator=self.random),)


def test_each_call_does_the_work_anew_and_leaves_what_came_before() -> None:
    work, alone = Work(), torch.Generator().manual_seed(1)
    made = [work.repeated(work)[0] for _ in range(5)]
    for one in made:
        assert torch.equal(one, torch.rand(3, generator=alone))


def test_it_keeps_nobody_alive() -> None:
    work = Work()
    work.repeated(work)
    seen = weakref.ref(work)
    gc.disable()  # a GPU's memory must not wait for the collector of cycles
    try:
        del work
        assert seen() is None
    finally:
        gc.enable()
