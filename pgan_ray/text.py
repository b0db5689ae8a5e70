"""Text that may be a stranger's: file names, data, settings, errors of libraries."""


def printable(text: str) -> str:
    """``text`` with what a terminal would obey written as an escape; lines stay lines."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def printable_line(text: str) -> str:
    """As `printable`, on one line."""
    return printable(text).replace("\n", "\\n")
