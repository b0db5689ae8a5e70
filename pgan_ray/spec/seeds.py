"""Named random streams: every draw derives from the sweep's seed and the names of what it is for.

The same names give the same bits whatever the cluster's size, the order of work or its failures.
"""

import hashlib

import numpy as np

Name = str | int | float


def seed_sequence(seed: int, *names: Name) -> np.random.SeedSequence:
    """The seed sequence of the stream ``names`` of the sweep seed ``seed``.

    Names are kept apart by type and position: ``("a", 1)``, ``("a", "1")`` and ``("a1",)`` all differ.
    """
    key = "\x1f".join(f"{type(name).__name__}:{name!r}" for name in names)
    digest = hashlib.sha256(key.encode()).digest()
    words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
    return np.random.SeedSequence(entropy=seed, spawn_key=tuple(words))


def numpy_generator(seed: int, *names: Name) -> np.random.Generator:
    """A NumPy generator on the stream ``names``."""
    return np.random.default_rng(seed_sequence(seed, *names))


def torch_seed(seed: int, *names: Name) -> int:
    """A 63-bit integer from the stream ``names``, for ``torch.Generator.manual_seed``."""
    high, low = seed_sequence(seed, *names).generate_state(2, np.uint32)
    return ((int(high) << 32) | int(low)) >> 1
