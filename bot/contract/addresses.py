"""Addresses in a config: a web address with a host, and a port that there is."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        whole = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        whole = False
    if not whole or re.search(r"[\s?#\x00-\x1f]", value):
        raise ValueError("it is not a web address; write one like https://sitrep.example.com")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("it has a port that there is not; write one from 1 to 65535, or none")
    return value


WebAddress = Annotated[str, AfterValidator(_web_address)]
"""The type of a setting that is the address of a page or of a service, `https://…` or `http://…`.

It has no query and no fragment: paths are added to it.
"""
