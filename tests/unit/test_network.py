"""The way out, as the environment names it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from yarl import URL

from bot.contract.errors import ConfigError
from bot.network import of_git, tls, way_out

ROOT = Path(__file__).parents[2]
VARIABLES = (
    "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO",
)  # fmt: skip
PROXY = "http://proxy.example.com:3128"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def way(url: str) -> str | None:
    found = way_out().proxy(URL(url))
    return str(found.url) if found is not None else None


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY"])
@pytest.mark.parametrize(
    ("value", "proxy"),
    [
        (PROXY, "http://proxy.example.com:3128"),
        ("proxy.example.com:3128", "http://proxy.example.com:3128"),
        ("http://proxy.example.com", "http://proxy.example.com"),
        ("https://proxy.example.com:8443/", "https://proxy.example.com:8443"),
        ("http://ann:p%40ss@[2001:db8::1]:3128", "http://[2001:db8::1]:3128"),
        ("  ", None),
    ],
)
def test_a_proxy_is_read_in_every_form(monkeypatch, name, value, proxy):
    monkeypatch.setenv(name, value)
    assert way("https://chat.example.org/") == proxy
    assert way("http://chat.example.org/") is None


def test_the_lower_case_wins_as_in_other_programs(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://other.example.com:1")
    monkeypatch.setenv("http_proxy", PROXY)
    assert way("http://chat.example.org/") == PROXY


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
@pytest.mark.parametrize(
    ("without", "url", "direct"),
    [
        ("", "https://chat.example.org/", False),
        ("", "https://localhost:8448/", True),
        ("", "https://127.0.0.1:8448/", True),
        ("", "https://[::1]:8448/", True),
        ("*", "https://chat.example.org/", True),
        ("example.org", "https://example.org/", True),
        ("example.org", "https://chat.example.org/", True),
        ("Example.ORG", "https://chat.example.org/", True),
        (".example.org", "https://chat.example.org/", True),
        ("*.example.org", "https://chat.example.org/", True),
        ("example.org", "https://badexample.org/", False),
        ("a.test, chat.example.org ,b.test", "https://chat.example.org/", True),
        ("chat.example.org:8448", "https://chat.example.org:8448/", True),
        ("chat.example.org:443", "https://chat.example.org/", True),
        ("chat.example.org:8448", "https://chat.example.org/", False),
        ("10.0.0.0/8", "https://10.1.2.3/", True),
        ("10.0.0.0/8", "https://11.1.2.3/", False),
        ("10.1.2.3", "https://10.1.2.3:8448/", True),
        ("10.1.2.3:443", "https://10.1.2.3/", True),
        ("2001:db8::/32", "https://[2001:db8::7]/", True),
        ("[2001:db8::7]:443", "https://[2001:db8::7]/", True),
        (",,", "https://chat.example.org/", False),
    ],
)
def test_what_is_reached_without_the_proxy(monkeypatch, name, without, url, direct):
    monkeypatch.setenv("https_proxy", PROXY)
    monkeypatch.setenv(name, without)
    assert (way(url) is None) is direct


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("HTTPS_PROXY", "socks5://ann:secret@proxy:1080", "a proxy of the kind socks5://"),
        ("http_proxy", "http://ann:secret@proxy:port", "is not the address of a proxy"),
        ("https_proxy", "http://ann:secret@:3128", "is not the address of a proxy"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(monkeypatch, name, value, why):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as raised:
        way_out()
    (fault,) = raised.value.faults
    assert fault.startswith(f"{name}: {why}")
    assert "secret" not in fault


def test_the_way_is_told_without_its_password(monkeypatch):
    assert str(way_out()) == "no proxy"
    monkeypatch.setenv("https_proxy", "http://ann:secret@proxy.example.com:3128")
    monkeypatch.setenv("no_proxy", "example.org")
    assert str(way_out()) == "http://proxy.example.com:3128 for https; directly: example.org"


@pytest.mark.parametrize(
    "name", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
)
def test_cas_that_cannot_be_read_are_named(monkeypatch, tmp_path, name):
    monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(ConfigError, match=f"^{name}: .*none cannot be read"):
        tls()


def test_a_file_without_certificates_is_named(monkeypatch, tmp_path):
    (tmp_path / "empty.pem").write_text("nothing")
    monkeypatch.setenv("CURL_CA_BUNDLE", str(tmp_path / "empty.pem"))
    with pytest.raises(ConfigError, match=r"^CURL_CA_BUNDLE: .* holds no certificates"):
        tls()


def test_git_gets_the_same_cas(monkeypatch, tmp_path):
    assert of_git() == {}
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO"):
        file = tmp_path / name
        file.write_text("")
        monkeypatch.setenv(name, str(file))
        assert of_git() == {"GIT_SSL_CAINFO": str(file)}


MADE = {  # PostgreSQL is not reached over HTTP: its TLS is what its URL says
    "ClientSession": "bot/network.py",
    "TCPConnector": "bot/network.py",
    "create_default_context": ("bot/network.py", "storage/postgres_tls.py"),
    "AsyncClient": "adapters/matrix/crypto.py",
    "SMTP": "plugins/mail/__init__.py",
}
"""What goes out, and who makes it."""


def test_nobody_else_makes_a_client():
    for folder in ("bot", "adapters", "plugins", "storage"):
        for file in (ROOT / folder).rglob("*.py"):
            name, tree = str(file.relative_to(ROOT)), ast.parse(file.read_text("utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.Call):
                    called = getattr(node.func, "attr", getattr(node.func, "id", ""))
                    assert name in MADE.get(called, name), f"{name}:{node.lineno} makes {called}"
                named = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                module = node.module if isinstance(node, ast.ImportFrom) else None
                for each in (*named, module or ""):
                    library = each.partition(".")[0]
                    assert library not in {"requests", "httpx", "urllib3"}, f"{name}: {each}"
                    assert each not in {"urllib.request", "http.client"}, f"{name}: {each}"
