"""What is odd about points is said."""

import torch

from pgan_ray.data import TaskData, doubts


def task(x: torch.Tensor, y: torch.Tensor, image_shape: tuple[int, int] | None = None) -> TaskData:
    return TaskData(x, y, x, y, (3, 5), 1, 0, image_shape)


def test_sound_points_leave_no_doubt() -> None:
    x = torch.randn(40, 4, generator=torch.Generator().manual_seed(0))
    assert list(doubts(task(x, torch.arange(40) % 2))) == []


def test_constant_and_copied_features_and_unequal_classes_are_told() -> None:
    x = torch.randn(110, 6, generator=torch.Generator().manual_seed(0))
    x[:, 1] = 7.0
    x[:, 4] = x[:, 2]
    x[:, 5] = x[:, 2]
    y = (torch.arange(110) < 10).long()
    assert list(doubts(task(x, y))) == [
        "class sizes differ greatly: 100 training points of class 3, 10 of class 5",
        "1 of 6 feature(s) (number 1) are the same in all training points, so they carry no information",
        "2 of 6 features are copies of others, so distances count them more than once",
    ]
    assert len(list(doubts(task(x, y, (2, 3))))) == 1, "of images, rims are constant and alike"
