"""How the driver tells of failures in few words."""

from pgan_ray.results import redact


def so_many_cells(number: int) -> str:
    """``1 cell`` or ``2 cells``."""
    return "1 cell" if number == 1 else f"{number} cells"


def gist(message: str) -> str:
    """Who failed, which the first line of a component's failure says, and of what, which the last says."""
    who = message.partition("\n")[0]
    last = last_line(message)
    return f"{who} {last}" if who.endswith("failed:") else last


def last_line(message: str) -> str:
    """What a traceback says in the end."""
    lines = [line for line in redact(message).strip().splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
