"""The first ten minutes on a GPU: whether it computes what it must, and how fast.

    python -m infra.first_ten_minutes > first.txt      # on a node with a GPU
    python -m infra.first_ten_minutes --tiny           # on a CPU: a dry run of these checks alone

prints a line for each check, in this order: the hardware and the build; masks' statistics; inner loops that wait for no
answer of the device; training that goes on and repeats with the same bits, in three precisions, by graphs as kernel by
kernel; gradients by hand against autograd; then pace, memory and kernels of stacks, beside what the cost model assumes.
A check that cannot come to its end has failed, and the rest goes on. Ends with 1 if a check failed. One GPU is looked
at, the first: `CUDA_VISIBLE_DEVICES=3` makes it another.
"""

import argparse
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from pgan_ray.attacks import Member
from pgan_ray.attacks.engines.pgan import PGan
from pgan_ray.cost import DEVICES
from pgan_ray.cost.networks import step_work
from pgan_ray.data import TaskData
from pgan_ray.nn import Passes, StackedMLP, arithmetic, repeated
from pgan_ray.nn.stacked import keep_masks
from pgan_ray.runner.machine import device_name, gpu_fault, gpu_kind, gpus_here
from pgan_ray.spec import Settings, load_sweep
from pgan_ray.victims.engines.stack import VictimTraining

WARM = repeated.LAUNCHED_FIRST + 2  # iterations after which a GPU replays a graph
SWEEP = Path(__file__).parents[1] / "sweeps/mnist_alpha.yaml"
FEATURES, POINTS = 784, 2000
NARROW = tuple(f"attack.{name}.widths=[8,8]" for name in ("generator", "discriminator", "classifier"))
TINY = ("attack.batch_size=8", *NARROW, "evaluation.victim.widths=[8,8]")
PRECISIONS = ("float32", "tf32", "bf16")
VARIANTS = {
    "dropout": (),
    "batch norm, average": ("attack.generator.batch_norm=true", "attack.sample_from=average"),
}
# Of the gradients' norm: what the products' precision may cost against autograd's in float32. A rounding that turns a
# hidden unit's sign changes its gradient whole, so about the square root of a rounding; a wrong mask costs 0.7.
TOLERANCES = {"float32": 1e-5, "tf32": 5e-2, "bf16": 1e-1}

# What to do next.
HOLD = (
    "next, both stages through Ray: `pgan-ray sweep mnist_alpha --profile quick --offline-tracking`, whose first line "
    "is to count the GPUs of this machine"
)
REPORT = "take no results from this device until it is known why (PGAN_RAY_DEVICE=cpu keeps sweeps off GPUs)"


class Checks:
    """All checks on one device. ``failed``: how many did not hold."""

    def __init__(self, device: torch.device, *, tiny: bool) -> None:
        self.device, self.failed = device, 0
        self._tiny, self._is_gpu = tiny, device.type == "cuda"
        random = torch.Generator().manual_seed(0)
        x, y = torch.randn(POINTS, FEATURES, generator=random).tanh(), torch.arange(POINTS) % 2
        self._task = TaskData(x, y, x, y, (3, 5), 1, 0, (28, 28))

    def run(self) -> None:
        """All of them, in order: what is wrong early makes the rest worthless."""
        checks = {
            "hardware": self._hardware,
            "masks": self._masks,
            "no waiting": self._no_waiting,
            "same bits": self._same_bits,
            "graphs": self._graphs,
            "gradients": self._gradients,
            "pace": self._pace,
        }
        for name, check in checks.items():
            try:
                check()
            except Exception as error:
                text = f"ended by {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
                self._say(name, text, holds=False)
                traceback.print_exc()

    def _say(self, what: str, text: str, *, holds: bool = True) -> None:
        self.failed += not holds
        print(f"{'ok    ' if holds else 'FAILED'} {what}: {text}", flush=True)

    def _settings(self, *overrides: str) -> Settings:
        tiny = TINY if self._tiny else ()
        return load_sweep(SWEEP, profile="paper", overrides=[*tiny, *overrides]).configurations[0].settings

    def _generators(self, members: int, precision: str, *overrides: str) -> PGan:
        settings = self._settings(*overrides)
        every = [Member(r, 0, settings.attack) for r in range(members)]
        return PGan(settings.attack, every, self._task, device=self.device, precision=precision)

    def _victims(self, members: int, precision: str) -> VictimTraining:
        victim, size = self._settings().evaluation.victim.make().network, 950
        return VictimTraining(
            victim,
            self._task.train_x[:size].expand(members, -1, -1),
            self._task.train_y[:size].expand(members, -1),
            [size] * members,
            classes=2,
            initial_seeds=range(members),
            stack_seed=0,
            device=self.device,
            precision=precision,
        )

    def _hardware(self) -> None:
        build = f"torch {torch.__version__}, CUDA {torch.version.cuda}"
        if self._is_gpu:
            found = torch.cuda.get_device_properties(self.device)
            free, _ = torch.cuda.mem_get_info(self.device)
            build += (
                f"; compute capability {found.major}.{found.minor}, {found.multi_processor_count} SMs, "
                f"{free / 1e9:.0f} of {found.total_memory / 1e9:.0f} GB free; the first of {gpus_here()} GPU(s)"
            )
        self._say("hardware", f"{device_name(self.device)}; {build}")

    def _masks(self) -> None:
        for probability in (0.5, 0.3):
            for dtype in (torch.float32, torch.bfloat16):
                random = torch.Generator(self.device).manual_seed(0)
                (mask,) = keep_masks([(1000, 1001)], probability, random, dtype, self.device)
                kept, values = float((mask != 0).float().mean()), mask.unique().tolist()
                fair = abs(kept - (1 - probability)) < 0.003 and abs(kept * max(values) - 1) < 0.01
                text = f"dropout {probability}, {dtype}: keeps {kept:.4f}, values {values}"
                self._say("masks", text, holds=len(values) == 2 and fair)

    def _no_waiting(self) -> None:
        """In the loops nothing may ask the device for an answer; between them is its time."""
        generators, victims = self._generators(2, "float32"), [self._victims(n, "float32") for n in (1, 2)]
        generators.train(WARM)
        for stack in victims:
            stack.run(WARM * stack.period)
        try:
            with self._waiting_is_an_error():
                generators.train(3)
                for stack in victims:
                    stack.run(12)  # over the end of an epoch
        except RuntimeError as error:
            self._say("no waiting", str(error).partition("\n")[0], holds=False)
        else:
            self._say("no waiting", "neither training asks the device" if self._is_gpu else "not known of a CPU")

    @contextmanager
    def _waiting_is_an_error(self) -> Iterator[None]:
        if self._is_gpu:
            torch.cuda.set_sync_debug_mode("error")
        try:
            yield
        finally:
            if self._is_gpu:
                torch.cuda.set_sync_debug_mode("default")

    def _same_bits(self) -> None:
        half = 1 if self._tiny else WARM
        for precision in PRECISIONS:
            for name, overrides in VARIANTS.items():
                first = self._generators(3, precision, *overrides)
                first.train(half)
                kept = first.state()
                first.train(half)
                resumed, again = (self._generators(3, precision, *overrides) for _ in range(2))
                resumed.load_state(kept)
                resumed.train(half)
                if self._is_gpu:  # once more, now that all of it is a graph
                    resumed.load_state(kept)
                    resumed.train(half)
                again.train(half)
                again.train(half)
                same = [_equal(first, other) for other in (resumed, again)]
                finite = all(value == value for point in first.report() for value in point.metrics.values())
                text = f"{precision}, {name}: resumed {same[0]}, repeated {same[1]}, finite {finite}"
                self._say("same bits", text, holds=all(same) and finite)

    def _graphs(self) -> None:
        """What a GPU launches as graphs must do what it does launched kernel by kernel."""
        for precision in PRECISIONS:
            generators, alone = (self._generators(2, precision) for _ in range(2))
            victims, victims_alone = (self._victims(3, precision) for _ in range(2))
            steps = WARM * victims.period
            generators.train(2 * WARM)
            victims.run(steps)
            with self._kernel_by_kernel():
                alone.train(2 * WARM)
                victims_alone.run(steps)
            pairs = zip(victims.network.parameters(), victims_alone.network.parameters(), strict=True)
            same = [_equal(generators, alone), all(torch.equal(one, other) for one, other in pairs)]
            self._say("graphs", f"{precision}: generators as without {same[0]}, victims {same[1]}", holds=all(same))

    @contextmanager
    def _kernel_by_kernel(self) -> Iterator[None]:
        before, repeated.LAUNCHED_FIRST = repeated.LAUNCHED_FIRST, sys.maxsize
        try:
            yield
        finally:
            repeated.LAUNCHED_FIRST = before

    def _gradients(self) -> None:
        initial = [torch.Generator().manual_seed(member) for member in range(3)]
        network = StackedMLP(
            50, [64, 32], 5, initial=initial, dropout=0.25, negative_slope=0.1, batch_norm=True, output="tanh"
        ).to(self.device)
        random = torch.Generator().manual_seed(7)
        x, out = (torch.randn(3, 40, size, generator=random).to(self.device) for size in (50, 5))
        with arithmetic("float32", self.device):
            made = network(x, torch.Generator(self.device).manual_seed(3))
            wanted = torch.autograd.grad(made, list(network.parameters()), out)
        for precision in PRECISIONS:
            passes, found = Passes(network, precision, by_member=False), list[torch.Tensor]()
            with arithmetic(precision, self.device):
                passes.forward(x, torch.Generator(self.device).manual_seed(3))
                passes.backward(out, lambda part, gradients, found=found: found.extend(g.clone() for g in gradients))
            pairs = [(passes.parts[0].view(w), f.float()) for w, f in zip(wanted, found, strict=True)]
            # Of all at once: before batch norm a bias has no gradient but what rounding leaves.
            off = float(torch.cat([(w - f).flatten() for w, f in pairs]).norm())
            off /= float(torch.cat([w.flatten() for w, _ in pairs]).norm())
            text = f"{precision}: by hand against autograd, off by {off:.1e} of their norm"
            self._say("gradients", text, holds=off < TOLERANCES[precision])

    def _pace(self) -> None:
        kind = gpu_kind(torch.cuda.get_device_name(self.device)) if self._is_gpu else "cpu"
        settings, device = self._settings(), DEVICES.get(kind, DEVICES["h100"])
        works = {
            "pGAN": settings.attack.make().iteration_work(FEATURES, 2),
            "victims": step_work(settings.evaluation.victim.make().network, FEATURES, 2),
        }
        sizes = {"pGAN": (1, 5, 25), "victims": (1, 12, 63)}
        for name, make in (("pGAN", self._generators), ("victims", self._victims)):
            for precision in PRECISIONS:
                for members in (1,) if self._tiny else sizes[name]:
                    stack = make(members, precision)
                    period, run = (1, stack.train) if isinstance(stack, PGan) else (stack.period, stack.run)
                    assumed = works[name].times(members, launched_once=True)
                    ms, peak = self._timed(run, *((1, 4) if self._tiny else (WARM * period, 100)))
                    model = 1e3 * device.seconds(assumed, precision=precision)
                    text = f"{name} {precision}, stack of {members}: {ms:.3f} ms{peak}"
                    self._say("pace", f"{text}; {device.name} by the model: {model:.3f} ms")
        if self._is_gpu:
            self._say("kernels", f"{self._kernels():.0f} an iteration, by the model {works['pGAN'].launches:.0f}")

    def _timed(self, run: Callable[[int], None], before: int, units: int) -> tuple[float, str]:
        run(before)
        if self._is_gpu:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        start = time.perf_counter()
        run(units)
        if self._is_gpu:
            torch.cuda.synchronize()
        ms = 1e3 * (time.perf_counter() - start) / units
        return ms, f", peak {torch.cuda.max_memory_allocated() / 1e6:.0f} MB" if self._is_gpu else ""

    def _kernels(self) -> float:
        from torch.profiler import ProfilerActivity, profile

        stack = self._generators(5, "float32")
        stack.train(WARM)
        with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
            stack.train(5)
            torch.cuda.synchronize()
        return sum(event.count for event in seen.key_averages() if event.device_type.name == "CUDA") / 5


def _equal(one: PGan, other: PGan) -> bool:
    first, second = one.state(), other.state()
    return all(torch.equal(value, second[name]) for name, value in first.items())


def main(arguments: list[str]) -> int:
    """Run the checks; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tiny", action="store_true", help="on a CPU, at small sizes")
    tiny = parser.parse_args(arguments).tiny
    if not tiny and not gpus_here():
        print(f"no GPU that PyTorch can use: {gpu_fault()} (--tiny: a dry run on a CPU)", file=sys.stderr)
        return 2
    checks = Checks(torch.device("cpu" if tiny else "cuda"), tiny=tiny)
    checks.run()
    print(f"{checks.failed} checks failed: {REPORT}" if checks.failed else f"all checks hold: {HOLD}")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
