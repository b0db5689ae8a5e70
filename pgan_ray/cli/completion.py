"""``pgan-ray completion``."""

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from pgan_ray.cli.say import say
from pgan_ray.errors import SpecError

VARIABLE = "_PGAN_RAY_COMPLETE"
# Where each shell looks for completions of its user's own accord; zsh looks in the folders of `fpath` alone.
PLACES = {
    "bash": "{data}/bash-completion/completions/pgan-ray",
    "zsh": "{home}/.zfunc/_pgan-ray",
    "fish": "{config}/fish/completions/pgan-ray.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(sorted(PLACES)))
@click.option("--install", is_flag=True, help="Install it for this user, where the shell looks for it.")
def completion(shell: str, install: bool) -> None:
    """Print the completion script of pgan-ray for SHELL, or install it.

    Example: pgan-ray completion bash --install
    """
    from pgan_ray.cli.main import group

    found = get_completion_class(shell)
    assert found is not None  # of a shell that click knows
    text = found(group, {}, "pgan-ray", VARIABLE).source()
    if not install:
        say(text)
        return
    try:
        home = Path.home()
    except RuntimeError:
        raise SpecError(["--install: the user must have a home directory, got none: set HOME"]) from None
    folders = {
        "home": home,
        "data": os.environ.get("XDG_DATA_HOME") or home / ".local/share",
        "config": os.environ.get("XDG_CONFIG_HOME") or home / ".config",
    }
    file = Path(PLACES[shell].format(**folders))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SpecError([f"--install: {file} must be a file that can be written, got: {error.strerror}"]) from None
    say(str(file))
    hint = "; ~/.zshrc must have: fpath+=~/.zfunc; autoload -Uz compinit && compinit" if shell == "zsh" else ""
    say(f"new shells complete `pgan-ray`{hint}", err=True)
