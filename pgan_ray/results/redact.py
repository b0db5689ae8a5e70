"""Texts without their secrets: what people, pages and MLflow are shown."""

import os
import re

HIDDEN = "***"
# Keys of S3 hold "/". What comes before the host is a container or a user's name with these schemes, unless there is a
# password behind it.
_PASSWORD = re.compile(r"(?<=://)[^/\s'\"@:]*:[^\s'\"]*@")
_USER_INFO = re.compile(r"(?<!abfs://)(?<!abfss://)(?<!hdfs://)(?<=://)[^/\s'\"]*@")
_KEY = re.compile(r"^(?:s3|gs|gcs)://[^/\s?]*@")
_QUERY_SECRET = re.compile(
    r"([?&][\w.-]*(?:token|password|passwd|secret|key|signature|credential|sig|sas)[\w.-]*=)[^&\s'\"]+",
    re.IGNORECASE,
)
_SECRET_VARIABLES = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")


def holds_secret(uri: str) -> bool:
    """Whether ``uri`` itself holds a password, a key or a token."""
    return any(pattern.search(uri) for pattern in (_PASSWORD, _KEY, _QUERY_SECRET))


def redact(text: str) -> str:
    """``text`` without the passwords and tokens of the URIs in it, and of MLflow's environment variables."""
    for variable in _SECRET_VARIABLES:
        secret = os.environ.get(variable)
        if secret:
            text = text.replace(secret, HIDDEN)
    for user_info in (_PASSWORD, _USER_INFO):
        text = user_info.sub(f"{HIDDEN}@", text)
    return _QUERY_SECRET.sub(rf"\1{HIDDEN}", text)
