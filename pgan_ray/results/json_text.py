"""JSON that a stranger may have written."""

import json
from typing import Any


def parse(text: bytes) -> Any:
    """What ``text`` holds, made of whole characters: an escape can name half of one, which nothing can show or store.

    Raises `ValueError`, `RecursionError`.
    """
    content = json.loads(text)
    json.dumps(content, ensure_ascii=False).encode()
    return content
