"""Text that may be a stranger's: file names, data, settings, errors of libraries."""

from shlex import quote


def printable(text: str) -> str:
    """``text`` with what a terminal would obey written as an escape; lines stay lines."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def printable_line(text: str) -> str:
    """As `printable`, on one line."""
    return printable(text).replace("\n", "\\n")


def typed(text: str) -> str:
    """``text`` as a shell takes it for one word: what is said of a command may be pasted."""
    return quote(printable_line(text))


def bytes_text(amount: float) -> str:
    """Bytes for people."""
    for name, unit in (("EB", 1e18), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if amount >= unit:
            return f"{amount / unit:,.0f} {name}" if amount >= 1000 * unit else f"{amount / unit:.3g} {name}"
    return f"{amount / 1e3:.3g} kB"
