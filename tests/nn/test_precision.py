import torch

from pgan_ray.nn import StackedMLP, arithmetic
from tests.science import CPU


def test_full_precision_unless_asked_and_put_back_after() -> None:
    before = torch.get_float32_matmul_precision()
    for precision in ("float32", "tf32"):
        with arithmetic(precision, CPU):
            assert torch.get_float32_matmul_precision() == "highest"  # tf32 is CUDA's alone
            assert not torch.is_autocast_enabled("cpu")
    with arithmetic("bf16", CPU):
        assert torch.is_autocast_enabled("cpu")
    assert torch.get_float32_matmul_precision() == before
    assert not torch.is_autocast_enabled("cpu")


def test_subnormals_are_zero_within() -> None:
    tiny = torch.tensor([1e-38])
    with arithmetic("float32", CPU):
        assert (tiny * 0.01).item() == 0
    assert (tiny * 0.01).item() != 0


def test_brain_floats_follow_the_weights() -> None:
    network = StackedMLP(2, [], 1, initial=[torch.Generator()], dropout=0.0, negative_slope=0.1)
    x = torch.ones(1, 1, 2)
    with arithmetic("bf16", CPU):
        assert network(x).dtype == torch.bfloat16
        network(x).sum().backward()
        for value in (1.0, 3.0):
            with torch.no_grad():
                network.layers[0].weight.fill_(value)
                network.layers[0].bias.zero_()
            assert network(x).item() == 2 * value
