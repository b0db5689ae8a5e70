"""``pgan-ray submit``."""

import secrets
import sys
import time
from pathlib import Path

import click

from pgan_ray.cli import options
from pgan_ray.cli.say import say
from pgan_ray.errors import SpecError
from pgan_ray.runner.limits import check_limits
from pgan_ray.spec import load_sweep, profile_names, sweep_text


@click.command()
@options.sweep_file
@click.option("--address", required=True, metavar="URL", help="Ray's job server, such as http://127.0.0.1:8265.")
@click.option(
    "--out", required=True, metavar="DIR", help="Where results go: s3://... or a directory shared by all nodes."
)
@options.choosing
@options.expect_gpus
@options.tracking_uri
@options.really_large
@click.option(
    "--package",
    "packages",
    multiple=True,
    metavar="DIR",
    help="Folder of a Python package whose classes the sweep names; every worker gets a copy. May be repeated.",
)
@click.option("--wait", is_flag=True, help="Show the sweep's output and exit with its exit code.")
def submit(
    file: str,
    address: str,
    out: str,
    profile: str,
    overrides: tuple[str, ...],
    expect_gpus: bool,
    tracking_uri: str | None,
    yes_really_large: bool,
    packages: tuple[str, ...],
    wait: bool,
) -> None:
    """Run the sweep FILE on the cluster whose job server is at URL. Only the file is sent, after it has been checked.

    FILE: a path, or the name of a shipped sweep (`pgan-ray sweeps` lists them).

    Credentials, data and pgan-ray itself come from the cluster. With --wait, Ctrl-C leaves the job running.

    Example: pgan-ray submit mnist_alpha --address http://127.0.0.1:8265 --out s3://bucket/alpha --wait
    """
    folders = [_package(folder) for folder in packages]
    source = sweep_text(file)  # once: it may be a pipe
    resolved = [
        load_sweep(source, profile=name, overrides=overrides, really_large=yes_really_large)
        for name in ([profile] if profile != "auto" else profile_names(source))
    ]

    for sweep in resolved:
        check_limits(sweep, f"{file}:", to_join=True, really_large=yes_really_large)

    from pgan_ray.cluster.submit import submit as send
    from pgan_ray.results import redact

    for name, uri in (("--tracking-uri", tracking_uri), ("--out", out)):
        if uri and redact(uri) != uri:
            raise SpecError(
                [
                    f"{name} {redact(uri)}: must not hold a secret, because everybody can see a job's "
                    "arguments: set it on the cluster"
                ]
            )
    arguments = ["--out", out, "--profile", profile, *(part for text in overrides for part in ("--set", text))]
    if expect_gpus:
        arguments.append("--expect-gpus")
    if yes_really_large:
        arguments.append("--yes-really-large")
    if tracking_uri:
        arguments += ["--tracking-uri", tracking_uri]
    job_id = f"{resolved[0].name}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    job = send(address, job_id, source.text, arguments, folders)
    say(job.job_id)
    if not wait:
        say(f"its output: ray job logs {job.job_id} --address {redact(address)} --follow", err=True)
        return
    try:
        sys.exit(job.wait(lambda text: say(text, nl=False, err=True)))
    except KeyboardInterrupt:
        say(f"the job continues; to stop it: ray job stop {job.job_id} --address {redact(address)}", err=True)
        sys.exit(130)


def _package(folder: str) -> Path:
    """A package's folder, from which its classes can be imported from here on, to check the sweep."""
    path = Path(folder).absolute()
    if not path.name.isidentifier() or not (path / "__init__.py").is_file():
        raise SpecError([f"--package {folder}: must be the folder of a Python package, with an __init__.py"])
    sys.path.insert(0, str(path.parent))
    return path
