"""Secrets of a config: read from the environment or a file, never written into it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, StringConstraints


class Revealed(str):
    """The value that `{ env = "NAME" }` or `{ file = "path" }` stands for."""

    __slots__ = ()


def _from_outside(value: object) -> object:
    if not isinstance(value, Revealed):
        raise ValueError(  # noqa: TRY004 - what pydantic takes for a fault
            'a secret is not written here: { env = "NAME" } or { file = "path" }'
        )
    return str(value)


Secret = Annotated[str, BeforeValidator(_from_outside), StringConstraints(min_length=1)]
"""The type of a setting that only the environment or a file may give; for plugins' models."""
