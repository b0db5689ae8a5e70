import pytest
import torch

from pgan_ray.nn import Passes, StackedMLP, arithmetic
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


@pytest.mark.parametrize("by_member", [True, False])
@pytest.mark.parametrize(("precision", "tolerance"), [("tf32", 0.0), ("bf16", 0.05)])
def test_batch_norm_in_other_precisions(precision: str, tolerance: float, by_member: bool) -> None:
    """tf32 is float32 on a CPU; bf16 keeps three digits, and statistics, weights and gradients in float32."""
    outputs, gradients, statistics = {}, {}, {}
    noise = torch.randn(2, 30, 4, generator=torch.Generator().manual_seed(1))
    for name in ("float32", precision):
        initial = [torch.Generator().manual_seed(member) for member in range(2)]
        network = StackedMLP(4, [6], 5, initial=initial, dropout=0.0, negative_slope=0.1, batch_norm=True)
        passes = Passes(network, by_member=by_member)
        seen: list[torch.Tensor] = []
        with arithmetic(name, CPU):
            outputs[name] = passes.forward(noise, torch.Generator())
            passes.backward(outputs[name].sin(), lambda part, found, seen=seen: seen.extend(found))
        gradients[name] = torch.cat([gradient.flatten() for gradient in seen])
        statistics[name] = torch.cat([network.norms[0].running_mean, network.norms[0].running_var])
    for found in (outputs, gradients, statistics):
        assert found[precision].dtype == torch.float32
        scale = found["float32"].abs().max()
        assert scale > 0.1
        assert (found[precision] - found["float32"]).abs().max() <= tolerance * scale
