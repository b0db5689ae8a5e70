import pytest
import torch

from pgan_ray.nn import Passes, StackedMLP, arithmetic
from tests.science import CPU


def test_full_precision_unless_asked_and_put_back_after() -> None:
    before = torch.get_float32_matmul_precision()
    for precision in ("float32", "tf32"):
        with arithmetic(precision, CPU):
            assert torch.get_float32_matmul_precision() == "highest"  # tf32 is CUDA's alone
    assert torch.get_float32_matmul_precision() == before


@pytest.mark.parametrize("name", ["cuda.matmul", "cudnn.conv", "cudnn.rnn", "mkldnn.matmul", "mkldnn.rnn"])
def test_settings_of_pytorchs_new_way_are_taken_and_put_back(name: str) -> None:
    """Where somebody used it, PyTorch refuses even to say what the older setting is."""
    module, _, operation = name.partition(".")
    library = getattr(getattr(torch.backends, module), operation, None)
    if not hasattr(library, "fp32_precision"):
        pytest.skip("this PyTorch has no settings by library")
    before = library.fp32_precision
    library.fp32_precision = "tf32"
    try:
        for precision, device, expected in (
            ("float32", "cuda", "ieee"),  # cuDNN's too, whose default is TF32
            ("bf16", "cuda", "ieee"),
            ("tf32", "cuda", "tf32"),
            ("tf32", "cpu", "ieee"),
        ):
            with arithmetic(precision, torch.device(device)):
                assert library.fp32_precision == expected
            assert library.fp32_precision == "tf32"
    finally:
        library.fp32_precision = before


@pytest.mark.parametrize("precision", ["float32", "tf32", "bf16"])
def test_within_a_module_may_ask_for_cudnns_flags(precision: str) -> None:
    before = torch.backends.cudnn.allow_tf32
    with arithmetic(precision, torch.device("cuda")):
        assert torch.backends.cudnn.allow_tf32 == (precision == "tf32")
    assert torch.backends.cudnn.allow_tf32 == before


def test_before_pytorch_2_9_one_setting_is_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    class Old:
        """Has no setting of its own."""

    said: list[str] = []
    monkeypatch.setattr("torch.backends.cuda.matmul", Old())
    monkeypatch.setattr("torch.set_float32_matmul_precision", said.append)
    for precision in ("tf32", "float32"):
        with arithmetic(precision, torch.device("cuda")):
            assert torch.backends.cudnn.allow_tf32 == (precision == "tf32")
    assert said == ["high", "highest", "highest", "highest"]
    assert torch.backends.cudnn.allow_tf32


def test_subnormals_are_zero_within() -> None:
    tiny = torch.tensor([1e-38])
    with arithmetic("float32", CPU):
        assert (tiny * 0.01).item() == 0
    assert (tiny * 0.01).item() != 0


@pytest.mark.parametrize("by_member", [True, False])
@pytest.mark.parametrize(("precision", "tolerance"), [("tf32", 0.0), ("bf16", 0.05)])
def test_batch_norm_in_other_precisions(precision: str, tolerance: float, by_member: bool) -> None:
    """tf32 is float32 on a CPU; bf16 keeps three digits, and statistics, weights and gradients in float32."""
    outputs, gradients, statistics = {}, {}, {}
    noise = torch.randn(2, 30, 4, generator=torch.Generator().manual_seed(1))
    for name in ("float32", precision):
        initial = [torch.Generator().manual_seed(member) for member in range(2)]
        network = StackedMLP(4, [6], 5, initial=initial, dropout=0.0, negative_slope=0.1, batch_norm=True)
        passes = Passes(network, name, by_member=by_member)
        seen: list[torch.Tensor] = []
        with arithmetic(name, CPU):
            outputs[name] = passes.forward(noise, torch.Generator()).float()
            passes.backward(outputs[name].sin(), lambda part, found, seen=seen: seen.extend(found))
        gradients[name] = torch.cat([gradient.flatten() for gradient in seen])
        statistics[name] = torch.cat([network.norms[0].running_mean, network.norms[0].running_var])
    for found in (outputs, gradients, statistics):
        assert found[precision].dtype == torch.float32
        scale = found["float32"].abs().max()
        assert scale > 0.1
        assert (found[precision] - found["float32"]).abs().max() <= tolerance * scale
