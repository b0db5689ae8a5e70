"""What every worker process of either stage needs."""

import torch

from pgan_ray.data import Dataset, TaskData, select_task
from pgan_ray.spec import Settings


def prepare(cpu: float) -> torch.device:
    """Use the granted cores, and the GPU that Ray made visible, if any.

    The device follows torch and not the grant: a grant of a fake or broken GPU must not end in a crash.
    """
    # Before any work in parallel: only threads that start later take it over.
    torch.set_flush_denormal(True)
    torch.set_num_threads(max(1, int(cpu)))
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def dataset_key(settings: Settings) -> str:
    """Names one data set of the sweep. The seed is part of it: it draws `gaussians` and the test splits."""
    return f"{settings.dataset.model_dump_json()} seed {settings.seed}"


def the_task(datasets: dict[str, Dataset], settings: Settings) -> TaskData:
    """The task's points: this process's one copy of what it trains on."""
    return select_task(datasets[dataset_key(settings)], settings.task)
