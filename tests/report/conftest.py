"""Fixtures of the report's tests: those of the results room serve here too."""

from tests.results.conftest import s3, s3_server

__all__ = ["s3", "s3_server"]
