"""Texts without their secrets: what people, pages and MLflow are shown."""

import os
import re

HIDDEN = "***"
_USER_INFO = re.compile(r"(?<=://)[^/\s'\"]*@")
_PASSWORD = re.compile(r"://[^/\s@]*:[^/\s]*@")
_QUERY_SECRET = re.compile(
    r"([?&][\w.-]*(?:token|password|passwd|secret|key|signature|credential|sig)[\w.-]*=)[^&\s'\"]+",
    re.IGNORECASE,
)
_SECRET_VARIABLES = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")


def holds_secret(uri: str) -> bool:
    """Whether ``uri`` itself holds a password, a key or a token."""
    return bool(_PASSWORD.search(uri) or _QUERY_SECRET.search(uri))


def redact(text: str) -> str:
    """``text`` without the passwords and tokens of the URIs in it, and of MLflow's environment variables."""
    for variable in _SECRET_VARIABLES:
        secret = os.environ.get(variable)
        if secret:
            text = text.replace(secret, HIDDEN)
    return _QUERY_SECRET.sub(rf"\1{HIDDEN}", _USER_INFO.sub(f"{HIDDEN}@", text))
