"""A database's URL is read as libpq reads it, and what is wrong with it is told in a line."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from bot.contract.errors import BotError
from storage.postgres_url import KNOWN, target
from storage.urls import connection_config

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def _no_services(monkeypatch, tmp_path):
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "none.conf"))
    monkeypatch.delenv("PGSERVICE", raising=False)


HOSTERS = {
    "Heroku": (
        "postgres://u:p@ec2-1.compute-1.amazonaws.com:5432/d1?sslmode=require",
        ("ec2-1.compute-1.amazonaws.com", 5432),
    ),
    "Supabase": (
        "postgresql://postgres.abc:p@aws-0-eu.pooler.supabase.com:6543/postgres?sslmode=require",
        ("aws-0-eu.pooler.supabase.com", 6543),
    ),
    "DigitalOcean": (
        "postgresql://doadmin:p@db-1.b.db.ondigitalocean.com:25060/defaultdb?sslmode=require",
        ("db-1.b.db.ondigitalocean.com", 25060),
    ),
    "Azure": (
        "postgres://me%40mine:p@mine.postgres.database.azure.com/d?sslmode=require",
        ("mine.postgres.database.azure.com", None),
    ),
    "RDS": (
        "postgres://u:p@d.abc.eu-west-1.rds.amazonaws.com:5432/d?sslmode=verify-full",
        ("d.abc.eu-west-1.rds.amazonaws.com", 5432),
    ),
    "Neon": (
        "postgresql://u:p@ep-a-1.eu.aws.neon.tech/d?sslmode=verify-full&sslrootcert=system"
        "&channel_binding=require",
        ("ep-a-1.eu.aws.neon.tech", None),
    ),
    "Neon, an old client": (
        "postgresql://u:p@ep-a-1.neon.tech/d?sslmode=require&options=endpoint%3Dep-a-1",
        ("ep-a-1.neon.tech", None),
    ),
}


@pytest.mark.parametrize("hoster", HOSTERS)
def test_what_hosters_hand_out_is_understood(hoster):
    url, place = HOSTERS[hoster]
    found = target(url)
    assert found.hosts == (place,)
    assert found.options["password"] == "p"
    assert (found.options["user"] == "me@mine") == (hoster == "Azure")


PLACES = {
    "postgres://h1:1,h2:2/d": (("h1", 1), ("h2", 2)),
    "postgres://h1,h2/d": (("h1", 5432), ("h2", 5432)),
    "postgres://h1,h2/d?port=6": (("h1", 6), ("h2", 6)),
    "postgres://h1,h2:7/d": (("h1", 5432), ("h2", 7)),
    "postgres://[::1]:5433/d": (("::1", 5433),),
    "postgres://[::1]/d": (("::1", None),),
    "postgres://%2Fvar%2Frun/d": (("/var/run", None),),
    "postgres://u@/d?host=/var/run&port=5433": (("/var/run", 5433),),
    "postgres://u@localhost/d?host=/var/run": (("/var/run", None),),
    "postgres://u@/d?hostaddr=192.0.2.1": (("192.0.2.1", None),),
    "postgres:///d": ((None, None),),
    "asyncpg://postgres@/d?host=/run/pg": (("/run/pg", None),),
    "postgresql://h/d": (("h", None),),
}


@pytest.mark.parametrize("url", PLACES)
def test_where_a_database_is(url):
    assert target(url).hosts == PLACES[url]
    assert target(url).options["database"] == "d"


@pytest.mark.parametrize("character", "#/?@%:[] +&=ü")
def test_any_character_of_a_password_can_be_written_in_code(character):
    code = "".join(f"%{byte:02X}" for byte in character.encode())
    assert target(f"postgres://u:a{code}b@h/d").options["password"] == f"a{character}b"
    assert target(f"postgres://h/d?password=a{code}b").options["password"] == f"a{character}b"


@pytest.mark.parametrize("character", "#/?@%")
@pytest.mark.parametrize(
    "form",
    [
        "postgres://u:{}@h/d",
        "postgres://u:{}@h:5432/d?sslmode=require",
        "postgres://u:{}@h1:1,h2:2/d",
    ],
)
def test_a_password_that_has_to_be_written_in_code_is_told_how_and_not_shown(character, form):
    """D5"""
    code = f"{character} as %{ord(character):02X}"
    for password in (
        f"{SECRET}{character}{SECRET}",
        f"12{character}{SECRET}",
        f"{SECRET}{character}",
    ):
        with pytest.raises(BotError) as raised:
            target(form.format(password))
        assert code in str(raised.value)
        assert SECRET not in str(raised.value)
        assert "\n" not in str(raised.value)


WRONG = {
    "postgres://h/d?sslmodee=require": "sslmodee is not a parameter .*; did you mean sslmode\\?",
    "postgres://h/d?sslmode=verify_full": "sslmode is one of .*; did you mean verify-full\\?",
    "postgres://h/d?ssl=maybe": "ssl is true, false, or one of disable",
    "postgres://h/d?sslmode=require&sslrootcert=system": "takes sslmode=verify-full",
    "postgres://h/d?sslrootcert=/none.pem": "sslrootcert: /none.pem cannot be read: No such file",
    "postgres://h/d?sslcert=/none.pem": "sslcert: /none.pem with its key cannot be read",
    f"postgres://h/d?sslrootcert={__file__}": "cannot be used: not in PEM format",
    "postgres://u:p@h/d?sslmode=require&channel_binding=require": "sslrootcert=system in place of",
    "postgres://h/d?gssencmode=require": "gssencmode=require is not supported; take it out",
    "postgres://h/d?require_auth=scram-sha-256": "require_auth is not supported",
    f"postgres://h/d?scram_client_key={SECRET}": "scram_client_key is not supported",
    "postgres://h/d?hostaddr=192.0.2.1": "hostaddr is not supported beside a host",
    "postgres://h/d?replication=database": "replication=database is not supported",
    "postgres://h/d?target_session_attrs=master": "target_session_attrs is one of any, read-write",
    "postgres://h:54x2/d": "the port is not a number",
    f"postgres://u:{SECRET}/d": "the port is not a number .* postgres://user:password@host",
    "postgres://h:99999/d": "the port is not a number from 1 to 65535",
    "postgres://h1,h2,h3/d?port=1,2": "3 hosts and 2 ports",
    "postgres://::1/d": "an IPv6 address stands in brackets",
    "postgres://h/d?maxsize=0": "maxsize is too small",
    "postgres://h/d?maxsize=many": "maxsize is a number",
    "postgres://h/d?minsize=20": "minsize is more than maxsize",
    "postgres://h/d?command_timeout=soon": "command_timeout is a number",
    "postgres://h/d?nothing": "nothing is not a parameter",
    "postgres://h/d?service=ours": "there is no service 'ours' in .*none.conf",
    f"postgresql+psycopg://u:{SECRET}@h/d": "postgresql\\+psycopg:// is not a database",
    f"host=h password={SECRET}": "this is not a database that Sitrep knows; write",
}


@pytest.mark.parametrize("url", WRONG)
def test_what_is_wrong_is_told_in_one_line_that_shows_no_password(url):
    """D5"""
    with pytest.raises(BotError, match=WRONG[url]) as raised:
        connection_config(url)
    text = str(raised.value)
    assert text.startswith("storage.url: ")
    assert SECRET not in text
    assert "\n" not in text


LIBPQ = (
    "host hostaddr port dbname user password passfile require_auth channel_binding connect_timeout"
    " client_encoding options application_name fallback_application_name keepalives"
    " keepalives_idle keepalives_interval keepalives_count tcp_user_timeout replication gssencmode"
    " sslmode sslnegotiation sslcompression sslcert sslkey sslkeylogfile sslpassword sslcertmode"
    " sslrootcert sslcrl sslcrldir sslsni requirepeer ssl_min_protocol_version"
    " ssl_max_protocol_version min_protocol_version max_protocol_version krbsrvname gsslib"
    " gssdelegation scram_client_key scram_server_key service servicefile target_session_attrs"
    " load_balance_hosts oauth_issuer oauth_client_id oauth_client_secret oauth_scope"
)


def test_every_parameter_of_libpq_is_known():
    """PostgreSQL 18, the table “Parameter Key Words”."""
    assert set(LIBPQ.split()) - KNOWN == set()


def test_every_parameter_is_on_the_page():
    page = (Path(__file__).parents[2] / "docs/reference/config.md").read_text()
    assert {name for name in KNOWN if f"`{name}`" not in page} == set()


def test_limits_have_defaults_and_can_be_set():
    limits = ("init_size", "max_size", "timeout", "command_timeout")
    assert [target("postgres://h/d").options[key] for key in limits] == [1, 10, 10, 10]
    given = "minsize=2&maxsize=4&connect_timeout=3&command_timeout=0&statement_cache_size=0"
    found = target(f"postgres://h/d?{given}").options
    assert [found[key] for key in limits] == [2, 4, 3, None]
    assert found["statement_cache_size"] == 0
    assert target("postgres://h/d?max_size=4&timeout=7").options["max_size"] == 4
    assert target("postgres://h/d", unlimited=True).options["command_timeout"] is None


def test_the_server_is_told_what_it_is_for():
    found = target("postgres://h/d?application_name=a%20b&options=-c%20jit%3Doff&schema=s").options
    expected = {"application_name": "a b", "options": "-c jit=off", "search_path": "s"}
    assert found["server_settings"] == expected
    fallback = target("postgres://h/d?fallback_application_name=b").options
    assert fallback["server_settings"] == {"application_name": "b"}


def test_of_several_hosts_the_one_that_takes_writes_is_wanted():
    assert target("postgres://a,b/d").options["dsn"].endswith("target_session_attrs=read-write")
    assert target("postgres://a,b/d?target_session_attrs=any").options["dsn"].endswith("=any")
    assert "dsn" not in target("postgres://a/d").options


def test_what_asyncpg_took_for_tls_is_taken_as_it_was_meant():
    for off in ("false", "0", "off", "disable"):
        found = target(f"postgres://h/d?ssl={off}").options
        assert found["dsn"] == "postgresql://?sslmode=disable"
        assert "ssl" not in found
    for on in ("true", "1"):
        context = target(f"postgres://h/d?ssl={on}").options["ssl"]
        assert context.check_hostname
        assert context.verify_mode is ssl.CERT_REQUIRED
    for mode in ("require", "verify-ca"):
        assert target(f"postgres://h/d?ssl={mode}").options["dsn"].endswith(f"sslmode={mode}")
    both = target("postgres://h/d?ssl=true&sslmode=require").options
    assert both["dsn"] == "postgresql://?sslmode=require"


def test_the_systems_authorities_are_a_choice():
    url = "postgres://h/d?sslrootcert=system&ssl_min_protocol_version=TLSv1.3"
    context = target(url).options["ssl"]
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3


def test_a_service_is_read_from_its_file(tmp_path, monkeypatch):
    (tmp_path / "services").write_text("[ours]\nhost=h\nport=5433\nuser=u\nsslmode=disable\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    for url in (
        "postgres:///d?service=ours",
        f"postgres:///d?service=ours&servicefile={tmp_path}/services",
    ):
        found = target(url)
        assert found.hosts == (("h", 5433),)
        assert found.options["user"] == "u"
    assert target("postgres://other/d?service=ours").hosts == (("other", 5433),)
    (tmp_path / "services").write_text("[ours]\nhosst=h\n")
    with pytest.raises(BotError, match="hosst is not a parameter"):
        target("postgres:///d?service=ours")


def test_a_password_is_shown_nowhere():
    assert SECRET not in repr(connection_config(f"postgres://u:{SECRET}@h/d?sslpassword={SECRET}"))
