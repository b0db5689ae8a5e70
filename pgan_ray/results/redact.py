"""Texts without their secrets: what people, pages and MLflow are shown.

A secret that this process knows, of its environment or of a URI that it was given, is found wherever it stands and
however it was quoted on the way. In text of others, URIs are looked for, and what stands before their host is hidden.
"""

import base64
import json
import os
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from urllib.parse import unquote, unquote_plus

HIDDEN = "***"
# Shorter ones would be found in words that have nothing to do with them; in URIs they are hidden all the same.
SHORTEST = 4
TOKEN_LENGTH = 16  # a user's name of this length may be a token

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# What comes before the host is a container or a user's name with these schemes, unless there is a password behind it.
_NAMES = ("abfs", "abfss", "hdfs")
_KEYS = ("s3", "gs", "gcs")
_SECRET_NAME = r"(?:token|password|passwd|pwd|secret|key|signature|credential|sig|sas|odbc_connect)"
_QUERY_SECRET = re.compile(rf"([?&][\w.-]*{_SECRET_NAME}[\w.-]*=)[^&\s'\"]+", re.IGNORECASE)
_QUERY_NAME = re.compile(_SECRET_NAME, re.IGNORECASE)
# A short value of a variable that is none of MLflow's may be a word, such as `true`.
_MLFLOW_VARIABLES = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
_SHORTEST_VALUE = 6
_VARIABLE = re.compile(r"(?:PASSWORD|PASSWD|PASSPHRASE|TOKEN|SECRET|SECRET_KEY|ACCESS_KEY|API_KEY)$")
# In text that may go on after the URI: a password without spaces and quotes; one with them, unless it is a port.
_PASSWORD = re.compile(r"(?<=://)[^/\s'\"@:]*:[^\s'\"]*@")
_ODD_PASSWORD = re.compile(r"(?<=://)[^/\s'\"@:]*:(?!\d+(?:[^\w@%]|$))(?:(?!://).)*@(?=[\w\[*])", re.MULTILINE)
_USER_INFO = re.compile("".join(rf"(?<!{name}://)" for name in _NAMES) + r"(?<=://)[^/\s'\"]*@")

_known: set[str] = set()


def keep_secret(uri: str = "", *, password: str | None = None) -> None:
    """Hide from now on, wherever it appears, what is secret in ``uri``, and the ``password``.

    What is no URI, such as a path or ``databricks``, is nobody's secret.
    """
    if _URI.match(uri):
        _known.update(_secrets_of(uri))
    if password:
        _known.add(password)


def holds_secret(uri: str) -> bool:
    """Whether ``uri`` itself holds a password, a key or a token."""
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return False
    is_key = scheme in _KEYS and "@" in re.split(r"[/?\s]", rest, maxsplit=1)[0]
    return is_key or bool(_passwords(rest)) or any(_query_secrets(rest))


def redact(text: str) -> str:
    """``text`` without the secrets of this process and those of the URIs in it."""
    return redactor()(text)


def reason_of(error: BaseException) -> str:
    """What ``error`` says, on one line and without secrets; its kind where it says nothing."""
    return redact(" ".join(str(error).split())) or type(error).__name__


def redactor() -> Callable[[str], str]:
    """`redact`, for many texts: what this process knows is gathered once, now."""
    known = frozenset(_known.union(_of_environment()))

    def redacted(text: str) -> str:
        secrets = known | _secrets_of(text) if _URI.match(text) else known
        if secrets:
            text = _anywhere(secrets).sub(HIDDEN, text)
        if "://" in text:
            for user_info in (_PASSWORD, _ODD_PASSWORD, _USER_INFO):
                text = user_info.sub(f"{HIDDEN}@", text)
        return _QUERY_SECRET.sub(rf"\1{HIDDEN}", text)

    return redacted


def _of_environment() -> Iterator[str]:
    for name, value in os.environ.items():
        if _URI.match(value):
            yield from _secrets_of(value)
        elif name in _MLFLOW_VARIABLES or (_VARIABLE.search(name) and len(value) >= _SHORTEST_VALUE):
            yield value
            yield unquote(value)


@lru_cache(maxsize=256)  # the environment's are asked for with every text
def _secrets_of(uri: str) -> frozenset[str]:
    """What is secret in ``uri``, as it stands there and decoded, and the parts that clients may make of it."""
    rest = uri.partition("://")[2]
    found: set[str] = set(_query_secrets(rest))
    for user, password in _passwords(rest):
        found.add(password)
        for known in (f"{user}:{password}", f"{unquote(user)}:{unquote(password)}"):
            found.add(base64.b64encode(known.encode(errors="replace")).decode())  # as it is sent
    passwords = _passwords(rest)
    if passwords:
        # A client that takes one of these for the password's end tells of the rest as of a host or a port.
        found.update(part for part in re.split(r"[/?#@:\[\]]", passwords[0][1]) if len(part) >= SHORTEST)
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    name, at, _ = authority.rpartition("@")
    if at and ":" not in name and len(name) >= TOKEN_LENGTH and uri.partition("://")[0] not in _NAMES:
        found.add(name)
    return frozenset(found | {unquote(secret) for secret in found})


def _passwords(rest: str) -> list[tuple[str, str]]:
    """The users and passwords that a URI may hold, ``rest`` being what follows its scheme; the likeliest first.

    Where a password holds what should have been quoted, clients differ in where they see its end.
    """
    user, colon, after = rest.partition(":")
    if not colon or re.search(r"[/?#@]", user):
        return []
    authority = re.split(r"[/?#]", after, maxsplit=1)[0]
    inside, last = authority.rpartition("@"), after.rpartition("@")
    views = [view[0] for view in (inside, last) if view[1]]
    if inside[1] and not inside[2]:
        views.reverse()  # no host: the password goes on
    return [(user, password) for password in dict.fromkeys(views) if password and password != HIDDEN]


def _query_secrets(rest: str) -> Iterator[str]:
    for part in re.split(r"[?&]", rest)[1:]:
        name, _, value = part.partition("=")
        if value and value != HIDDEN and _QUERY_NAME.search(name):
            yield value
            yield unquote_plus(value)


@lru_cache(maxsize=16)
def _anywhere(secrets: frozenset[str]) -> re.Pattern[str]:
    """Finds each of ``secrets``, whole, whatever has quoted it on the way."""
    forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _quotations(secret)}
    ordered = sorted(forms, key=lambda form: (-len(form), form))
    return re.compile("|".join("".join(map(_in_url, form)) for form in ordered) or r"(?!)")


def _quotations(secret: str) -> set[str]:
    """``secret`` as Python, JSON and YAML write it between quotes."""
    escaped = secret.replace("\\", "\\\\")
    return {
        secret,
        escaped,
        escaped.replace("'", "\\'"),
        escaped.replace('"', '\\"'),
        repr(secret)[1:-1],
        ascii(secret)[1:-1],
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        secret.replace("'", "''"),
    }


@lru_cache(maxsize=1024)
def _in_url(character: str) -> str:
    """Finds ``character`` as it is and as URLs may have it, quoted once or more often."""
    encoded = "".join(f"%(?:25)*{byte:02X}" for byte in character.encode(errors="surrogatepass"))
    plus = r"|\+" if character == " " else ""
    return f"(?:{re.escape(character)}|(?i:{encoded}){plus})"
