"""What the kit makes of bodies and secrets that anybody may send (D5)."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from aiohttp import web

from bot.plugin_kit.webhooks import (
    DEEPEST,
    LARGE,
    WrongShape,
    json_in,
    same_secret,
    signed,
    value_at,
)


@pytest.mark.parametrize("given", ["", "\udcff", "\ud800\udcff", "sécret", "secret\0"])
def test_a_secret_of_any_bytes_is_compared(given):
    """D5"""
    assert not same_secret(given, "secret")
    assert not same_secret("secret", given)
    assert same_secret(given, given)
    assert not signed(b"body", "secret", given)


def test_a_signature_is_right_for_its_body_and_secret_alone():
    mark = "sha256=" + hmac.new("sécret".encode(), b"body", hashlib.sha256).hexdigest()
    assert signed(b"body", "sécret", mark)
    assert not signed(b"body ", "sécret", mark)
    assert not signed(b"body", "secret", mark)


@pytest.mark.parametrize("large", [b"", b" " * LARGE], ids=["small", "large"])
async def test_json_is_read_down_to_a_depth(large):
    """D5"""
    for opened, closed in ((b"[", b"]"), (b'{"a":', b"}")):
        whole = opened * (DEEPEST - 1) + b"[]" + closed * (DEEPEST - 1)
        assert await json_in(whole + large)
        for bad in (opened + whole + closed, opened * 99_999, opened * 9999 + b"1" + closed * 9999):
            with pytest.raises(web.HTTPBadRequest):
                await json_in(bad + large)


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        ({"a": {"b": 1}}, 1),
        ({"a": {"b": True}}, WrongShape),
        ({"a": {"b": 1.0}}, WrongShape),
        ({"a": {"b": None}}, WrongShape),
        ({"a": {"b": [1]}}, WrongShape),
        ({"a": "b"}, WrongShape),
        ({"a": ["b"]}, WrongShape),
        ([], WrongShape),
        ({"a": {}}, KeyError),
        ({}, KeyError),
    ],
)
def test_a_value_is_of_its_kind_or_refused(event, outcome):
    """D5"""
    if isinstance(outcome, int):
        assert value_at(event, "a", "b", kind=int) == outcome
        return
    with pytest.raises(outcome):
        value_at(event, "a", "b", kind=int)
