"""The same kernels again and again: launched one by one on a CPU, by one call on a GPU.

A small step is many small kernels. On an NVIDIA H200 an iteration of the paper's pGAN has 435 of them, of some
microseconds each; launched one by one they took 9 ms of the host's time, as a CUDA graph 2.4 ms.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor

LAUNCHED_FIRST = 3  # calls before the capture, in which libraries set themselves up


@cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """One for all: cuBLAS keeps some memory for each stream that it was ever called on, 32 MiB of an H100's."""
    return torch.cuda.Stream(device)


class Repeated:
    """Does a piece of work that is the same each time, or each so many times: same kernels, on tensors that stay.

    On CUDA it is called a few times as it is, then captured as a graph, which is launched from then on: with the same
    bits, since ``random``, of which alone the work may draw, goes on within the graph. What the work does beside its
    kernels (Python's counters, say) happens in the first calls alone.
    """

    def __init__(self, random: torch.Generator) -> None:
        self._random = random
        self._calls: Counter[int] = Counter()
        self._graphs: dict[int, tuple[torch.cuda.CUDAGraph, tuple[Tensor, ...]]] = {}

    # The work is no attribute: a method of whoever has this one would keep both, and their memory, alive.
    def __call__(self, work: Callable[[], Sequence[Tensor]], phase: int = 0) -> tuple[Tensor, ...]:
        """Do ``work``, the same at each call of one ``phase``; what it returns, which later calls leave alone."""
        if self._random.device.type != "cuda":
            return tuple(work())
        self._calls[phase] += 1
        if self._calls[phase] <= LAUNCHED_FIRST:
            return self._launch(work)
        if phase not in self._graphs:
            self._graphs[phase] = self._capture(work)
        graph, made = self._graphs[phase]
        graph.replay()
        return tuple(tensor.clone() for tensor in made)

    def _launch(self, work: Callable[[], Sequence[Tensor]]) -> tuple[Tensor, ...]:
        # Not on the stream that the rest of the program uses: PyTorch asks that of calls before a capture.
        own, rest = _stream(self._random.device), torch.cuda.current_stream()
        own.wait_stream(rest)
        with torch.cuda.stream(own):
            made = tuple(work())
        rest.wait_stream(own)
        for tensor in made:
            tensor.record_stream(rest)
        return made

    def _capture(self, work: Callable[[], Sequence[Tensor]]) -> tuple[torch.cuda.CUDAGraph, tuple[Tensor, ...]]:
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self._random)
        # All phases in the same memory: one is over before the next begins, and what it made is copied by then.
        pool = next((first.pool() for first, _ in self._graphs.values()), None)
        # Other threads of this process may use the GPU meanwhile.
        with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
            made = tuple(work())
        return graph, made
