"""TLS to PostgreSQL is on and off as a URL says it, and as libpq does it."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from bot.contract.errors import BotError, DatabaseAway
from storage import open_database, pending_migrations
from tests.peers.certificates import Authority
from tests.peers.postgres import started

PASSWORD = "hunter2#/?@%"

HBA = (
    "hostssl tls all 127.0.0.1/32 trust",
    "hostnossl plain all 127.0.0.1/32 trust",
    "hostssl card all 127.0.0.1/32 cert map=any",
    "host either,postgres all 127.0.0.1/32 trust",
    "host asked all 127.0.0.1/32 scram-sha-256",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("certificates")
    authority = Authority(made)
    authority.give("server", host="localhost")
    authority.give("user")
    authority.give("locked", password="secret")
    authority.revoke("server")
    Authority(made, "other").give("stranger")
    return made


@pytest.fixture(scope="module")
def server(folder):
    databases = ("tls", "plain", "card", "either", "asked")
    found = started(tls=folder, hba=HBA)
    (found.folder / "data/pg_ident.conf").write_text("any /^user$ postgres\n")
    found.psql("SELECT pg_reload_conf()")
    for name in databases:
        found.psql(f"CREATE DATABASE {name}")
    found.psql(f"ALTER ROLE postgres PASSWORD '{PASSWORD}'")
    yield found
    found.stop()


CA = "sslrootcert={folder}/ca.crt"
OTHER = "sslrootcert={folder}/other.crt"
USER = "sslcert={folder}/user.crt&sslkey={folder}/user.key"
LOCKED = "sslcert={folder}/locked.crt&sslkey={folder}/locked.key"

UNTRUSTED = (
    "certificate is not to be trusted: (self.signed certificate|unable to get|unable to ver)"
)

# database?parameters, by host name or by an address that is not in the certificate: TLS, no TLS,
# or why not
CASES = {
    ("tls", "localhost", ""): True,
    ("tls", "localhost", "sslmode=disable"): "no encryption",
    ("tls", "localhost", "sslmode=allow"): True,
    ("tls", "localhost", "sslmode=prefer"): True,
    ("tls", "localhost", "sslmode=require"): True,
    ("tls", "127.0.0.1", "sslmode=require"): True,
    ("tls", "127.0.0.1", f"sslmode=require&{OTHER}"): UNTRUSTED,
    ("tls", "127.0.0.1", f"sslmode=verify-ca&{CA}"): True,
    ("tls", "127.0.0.1", f"sslmode=verify-ca&{OTHER}"): UNTRUSTED,
    ("tls", "localhost", f"sslmode=verify-full&{CA}"): True,
    ("tls", "localhost", f"sslmode=verify-full&{OTHER}"): UNTRUSTED,
    ("tls", "127.0.0.1", f"sslmode=verify-full&{CA}"): "not valid for|not match",
    ("tls", "localhost", "sslmode=verify-full"): "root certificate|root.crt",
    (
        "tls",
        "localhost",
        f"sslmode=verify-ca&{CA}&sslcrl={{folder}}/revoked.crl",
    ): "certificate revoked",
    ("tls", "localhost", "sslmode=require&ssl_min_protocol_version=TLSv1.3"): True,
    ("plain", "localhost", ""): False,
    ("plain", "localhost", "sslmode=disable"): False,
    ("plain", "localhost", "sslmode=allow"): False,
    ("plain", "localhost", "sslmode=prefer"): False,
    ("plain", "localhost", "sslmode=require"): "SSL encryption",
    ("either", "localhost", ""): True,
    ("either", "localhost", "sslmode=disable"): False,
    ("either", "localhost", "sslmode=allow"): False,
    ("either", "localhost", "sslmode=prefer"): True,
    ("either", "localhost", "sslmode=require&channel_binding=prefer&gssencmode=disable"): True,
    (
        "either",
        "localhost",
        "sslmode=prefer&keepalives=1&keepalives_idle=30&connect_timeout=9",
    ): True,
    ("card", "localhost", "sslmode=require"): "requires a valid client certificate",
    ("card", "localhost", f"sslmode=require&{USER}"): True,
}

OURS = {
    ("either", "localhost", "ssl=false"): False,
    ("either", "localhost", "ssl=disable"): False,
    ("either", "localhost", "ssl=require"): True,
    ("either", "localhost", "ssl=true"): UNTRUSTED,
    ("either", "localhost", f"ssl=true&{CA}"): True,
    ("either", "127.0.0.1", f"ssl=true&{CA}"): "not valid for",
    ("either", "localhost", "sslrootcert=system"): UNTRUSTED,
    ("either", "localhost", "sslmode=verify-full&sslrootcert=system"): UNTRUSTED,
    ("card", "localhost", f"sslmode=require&{LOCKED}&sslpassword=wrong"): "wrong password",
    ("card", "localhost", f"sslmode=require&{LOCKED}&sslpassword=secret"): "certificate authent",
}
"""What libpq's fifteenth version does not know, or lets pass: a named file that is of no use."""


def url_of(server, folder, case) -> str:
    database, host, parameters = case
    asked = parameters.format(folder=folder)
    return f"postgres://postgres@{host}:{server.port}/{database}?{asked}"


async def outcome(url: str) -> bool | str:
    """Return whether a connection is encrypted, or why there is none."""
    try:
        async with open_database(url, tell=lambda _line: None) as db:
            asked = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
            ((encrypted,),) = [row.values() for row in await db._ask(asked)]
            return encrypted
    except BotError as exc:
        return str(exc)


def libpqs(server, url: str) -> bool | str:
    asked = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
    command = [server._bin / "psql", "-Atqc", asked, url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    return done.stdout.strip() == "t" if done.returncode == 0 else done.stderr


def agrees(found: bool | str, expected: bool | str) -> bool:
    if isinstance(expected, bool) or isinstance(found, bool):
        return found is expected
    return "\n" not in found and re.search(expected, found) is not None


@pytest.fixture(autouse=True)
def _nobodys_home(monkeypatch):
    monkeypatch.setenv("HOME", "/nonexistent")  # certificates of whoever runs the tests


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_what_is_let_in_is_what_libpq_lets_in(server, folder, case):
    """D5 D7"""
    url = url_of(server, folder, case)
    found, theirs = await outcome(url), libpqs(server, url)
    assert agrees(found, CASES[case]), found
    assert isinstance(theirs, bool) == isinstance(found, bool), theirs
    assert isinstance(theirs, str) or theirs is found


@pytest.mark.parametrize("case", OURS, ids=str)
async def test_what_libpq_does_not_know_is_what_it_says(server, folder, case):
    """D5"""
    found = await outcome(url_of(server, folder, case))
    assert agrees(found, OURS[case]), found


async def test_a_password_is_asked_for_read_and_not_shown(server, tmp_path):
    """D5 D7"""
    place, code = f"localhost:{server.port}/asked", "hunter2%23%2F%3F%40%25"
    assert await outcome(f"postgres://postgres:{code}@{place}?sslmode=require") is True
    file = tmp_path / "passwords"
    file.write_text(f"localhost:*:*:postgres:{PASSWORD}\n")
    file.chmod(0o600)
    assert await outcome(f"postgres://postgres@{place}?passfile={file}") is True
    wrong = f"postgres://postgres:wrong-{code}@{place}"
    for opening in (open_database(wrong).__aenter__(), pending_migrations(wrong)):
        with pytest.raises(DatabaseAway, match=r"password authentication failed .*28P01") as raised:
            await opening
        assert "hunter2" not in str(raised.value)
