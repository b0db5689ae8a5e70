import torch

from pgan_ray.nn import arithmetic
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
