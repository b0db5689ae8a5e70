import pytest
import torch
import torch.nn.functional as F

from pgan_ray.nn import cross_entropy, cross_entropy_gradient, predictions, soft_targets


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.3])
def test_two_classes_are_smoothed_on_one_side(smoothing: float) -> None:
    logits = torch.tensor([[[-2.0], [0.5], [3.0]], [[0.0], [-1.0], [9.0]]])
    labels = torch.tensor([[0, 1, 1], [1, 0, 0]])
    soft = soft_targets(labels, 1, smoothing)
    # Label 0 keeps its target 0; label 1's becomes 1 - smoothing.
    targets = torch.tensor([[0, 1 - smoothing, 1 - smoothing], [1 - smoothing, 0, 0]])
    score = logits.squeeze(-1).sigmoid()
    by_hand = -(targets * score.log() + (1 - targets) * (1 - score).log())
    torch.testing.assert_close(cross_entropy(logits, soft), by_hand, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(cross_entropy_gradient(logits, soft).squeeze(-1), score - targets)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_more_classes_as_torch(smoothing: float) -> None:
    logits = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(1)).requires_grad_()
    labels = torch.tensor([[0, 1, 2, 3, 0], [3, 3, 1, 0, 2]])
    targets = soft_targets(labels, 4, smoothing)
    losses = cross_entropy(logits, targets)
    assert losses.shape == (2, 5)
    for member in range(2):
        for point in range(5):
            expected = F.cross_entropy(logits[member, point], labels[member, point], label_smoothing=smoothing)
            torch.testing.assert_close(losses[member, point], expected)
    (by_autograd,) = torch.autograd.grad(losses.sum(), logits)
    torch.testing.assert_close(cross_entropy_gradient(logits.detach(), targets), by_autograd)


@pytest.mark.parametrize("classes", [2, 4])
def test_many_iterations_at_once_are_one_after_the_other(classes: int) -> None:
    outputs = 1 if classes == 2 else classes
    logits = torch.randn(3, 2, 5, outputs, generator=torch.Generator().manual_seed(1))
    targets = soft_targets(torch.tensor([[0, 1, 1, 0, 0], [1, 0, 1, 1, 0]]), outputs)
    torch.testing.assert_close(
        cross_entropy(logits, targets), torch.stack([cross_entropy(part, targets) for part in logits])
    )


def test_huge_logits_stay_finite() -> None:
    logits = torch.tensor([[[1e30], [-1e30]]])
    assert cross_entropy(logits, soft_targets(torch.tensor([[1, 0]]), 1)).tolist() == [[0, 0]]
    targets = soft_targets(torch.tensor([[0, 1]]), 1)
    assert cross_entropy(logits, targets).isfinite().all()
    assert cross_entropy_gradient(logits, targets).isfinite().all()


def test_predictions() -> None:
    assert predictions(torch.tensor([[[-1.0], [0.1]], [[2.0], [-0.1]]])).tolist() == [[0, 1], [1, 0]]
    assert predictions(torch.tensor([[[0.0, 2.0, 1.0]], [[3.0, 2.0, 1.0]]])).tolist() == [[1], [0]]
    assert predictions(torch.zeros(1, 1, 1)).dtype == torch.int64
