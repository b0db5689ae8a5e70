"""The command line: parse, call, print. It alone turns errors into exit codes.

0 done, 1 some cells failed, 2 bad input, 3 paused, 130 interrupted, 143 terminated (SIGTERM).
"""

from pgan_ray.cli.main import main

__all__ = ["main"]
