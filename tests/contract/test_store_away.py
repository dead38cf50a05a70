"""PostgreSQL that is frozen, restarted, read-only or full is an outage: retried, nothing lost."""

from __future__ import annotations

import asyncio
import signal

import pytest
from asyncpg import ConnectionDoesNotExistError
from asyncpg.transaction import Transaction

from bot.contract.errors import BotError, DatabaseAway, DatabaseDamaged
from storage import open_database, pending_migrations
from tests.harness.waiting import insist, until
from tests.peers.machine import free_port
from tests.peers.postgres import started
from tests.worlds.domain import OPS, START
from tests.worlds.store import post, send


def quiet(url: str, **options: object):
    return open_database(url, tell=lambda _line: None, **options)


@pytest.fixture(scope="module")
def server():
    """A server that may be frozen and ended."""
    found = started()
    found.psql("ALTER ROLE postgres SET synchronous_commit = on")  # what is done survives a crash
    yield found
    found.stop()


def name_of(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


async def waiting(db) -> int:
    return (await db.backlog())["waiting"]


async def test_a_frozen_server_is_a_database_that_is_away_and_comes_back(server):
    """D7: without a limit of time each that asked it waited for ever."""
    url = f"{server.database()}&command_timeout=0.5&connect_timeout=0.5&maxsize=4"
    async with quiet(url) as db:
        await insist(lambda: send(db, post("before")))
        acts = (
            lambda: send(db, post("lost?")),
            lambda: db.read(lambda w: w.list("all", 1)),
            db.backlog,
            db.ping,
        )
        with server.frozen():
            for _ in range(2):
                asked = [act() for act in acts]
                outcomes = await asyncio.gather(*asked, return_exceptions=True)
                assert {type(each) for each in outcomes} == {DatabaseAway}
        await insist(db.ping)
        await insist(lambda: send(db, post("after")))
        for act in acts[1:]:
            await act()
        assert await waiting(db) >= 2


async def test_a_frozen_server_is_told_at_the_start(server):
    """D7"""
    url = f"{server.database()}&connect_timeout=0.2"
    with server.frozen():
        for opening in (quiet(url).__aenter__(), pending_migrations(url)):
            with pytest.raises(DatabaseAway, match=f"{server.folder}: no answer in time"):
                await opening


STEPS = ("before it", "after a statement", "before the commit")


@pytest.mark.parametrize(
    ("step", "by"),
    [*((step, "terminated") for step in STEPS), (STEPS[0], "restarted"), (STEPS[2], "crashed")],
)
async def test_a_connection_that_is_cut_at_any_step_loses_nothing_and_repeats_nothing(
    server, step, by
):
    """D1 D3 D7"""
    url = server.database()
    cuts = iter([True])

    def cut(now: str) -> None:
        if now != step or not next(cuts, False):
            return
        if by == "terminated":
            server.psql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE datname = '{name_of(url)}' AND pid <> pg_backend_pid()",
            )
            return
        how = signal.SIGINT if by == "restarted" else signal.SIGQUIT
        server.end(how)
        server.run()  # in this thread: the server ends with the one that started it

    async with quiet(url) as db:

        async def body(work):
            cut("before it")
            arrival = await work.arrive("chat", "e1", OPS, at=START, series="INC")
            cut("after a statement")
            if arrival is not None:
                await work.send([post()], now=START)
                await work.flush()
            cut("before the commit")
            return arrival and arrival.number

        with pytest.raises(DatabaseAway):
            await db.transact(body)
        assert await insist(lambda: db.transact(body)) == 1
        assert await db.transact(body) is None
        assert await waiting(db) == 1


async def test_a_commit_whose_answer_was_lost_is_not_done_twice(postgres, monkeypatch):
    """D1 D3 D7: the caller hears that the database is away, and asks again."""
    async with quiet(postgres.database()) as db:

        async def body(work):
            arrival = await work.arrive("chat", "e1", OPS, at=START, series="INC")
            if arrival is not None:
                await work.send([post()], now=START)
            return arrival and arrival.number

        commit = Transaction.commit

        async def unanswered(transaction):
            await commit(transaction)
            raise ConnectionDoesNotExistError("connection was closed in the middle of operation")

        with monkeypatch.context() as patched:
            patched.setattr(Transaction, "commit", unanswered)
            with pytest.raises(DatabaseAway):
                await db.transact(body)
        assert await db.transact(body) is None
        assert await waiting(db) == 1


async def test_a_server_that_has_become_read_only_is_away_until_it_takes_writes(server):
    """D7: connections that lead to it are made anew."""
    url = server.database()
    name = name_of(url)
    async with quiet(url) as db:
        server.psql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        server.psql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        )
        await until(lambda: _is_read_only(db))
        with pytest.raises(DatabaseAway, match=r"transaction .25006.; it is read-only"):
            await send(db, post())
        assert await insist(lambda: waiting(db)) == 0
        with pytest.raises(DatabaseAway, match="25006"):
            async with quiet(url):
                pass
        async with quiet(url, exclusive=False, upgrade=False) as reading:
            assert await waiting(reading) == 0
        server.psql(f"ALTER DATABASE {name} SET default_transaction_read_only = off")
        await insist(lambda: send(db, post()))
        assert await waiting(db) == 1


async def test_a_standby_is_away_until_it_is_promoted(server):
    """D7: what a failover leaves for a while, and what a wrong address leads to."""
    url = server.database()
    async with quiet(url) as db:
        await send(db, post())
        server.end()
        (server.folder / "data/standby.signal").touch()
        server.run()
        assert await insist(lambda: waiting(db)) == 1
        with pytest.raises(DatabaseAway, match=r"transaction .25006.; it is read-only"):
            await send(db, post())
        with pytest.raises(DatabaseAway, match="25006"):
            async with quiet(url):
                pass
        server.psql("SELECT pg_promote()")
        await insist(lambda: send(db, post()))
        assert await waiting(db) == 2


async def _is_read_only(db) -> bool:
    try:
        (row,) = await db._ask("SHOW default_transaction_read_only")
    except DatabaseAway:
        return False
    return row["default_transaction_read_only"] == "on"


def raising(state: str):
    """A transaction in which the server raises an error."""
    statement = f"DO $$ BEGIN RAISE EXCEPTION 'so it is' USING ERRCODE = '{state}'; END $$"

    async def body(work):
        await work.number("A")
        await work._client.execute_script(statement)

    return body


TROUBLES = {
    "08006": "see whether it runs",
    "25P03": "see its time limits",
    "28P01": "see storage.url",
    "3D000": "see storage.url",
    "40001": "too many wanted the same",
    "42501": "give its user what is missing",
    "53100": "its disk is full",
    "53200": "no memory left",
    "53300": "lower maxsize",
    "53400": "see its log",
    "55P03": "something else holds it",
    "57014": "see its log",
    "57P01": "see its log",
    "57P02": "see its log",
    "57P03": "see its log",
    "58030": "its disk failed",
}


async def test_what_says_nothing_of_the_statement_is_a_database_that_is_away(postgres):
    """D7"""
    async with quiet(postgres.database()) as db:
        for n, (state, advice) in enumerate(TROUBLES.items(), 1):
            with pytest.raises(DatabaseAway, match=f"so it is .{state}.; .*{advice}"):
                await db.transact(raising(state))
            assert await db.transact(lambda w: w.number("A")) == n


@pytest.mark.parametrize(
    ("state", "error"),
    [("XX001", DatabaseDamaged), ("22012", Exception), ("42601", Exception), ("XX000", Exception)],
)
async def test_what_is_wrong_with_the_statement_or_the_data_is_not(postgres, state, error):
    async with quiet(postgres.database()) as db:
        with pytest.raises(error, match="so it is") as raised:
            await db.transact(raising(state))
        assert not isinstance(raised.value, DatabaseAway)
        assert await db.transact(lambda w: w.number("A")) == 1


@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_a_transaction_that_was_undone_for_anothers_sake_is_run_again(postgres, state):
    async with quiet(postgres.database()) as db:
        tries = iter([True, True, True])

        async def body(work):
            if next(tries, False):
                await raising(state)(work)
            return await work.number("A")

        assert await db.transact(body) == 1


async def test_transactions_are_what_they_are_whatever_the_servers_default(postgres):
    """F9"""
    url = postgres.database()
    default = "default_transaction_isolation = 'serializable'"
    postgres.psql(f"ALTER DATABASE {name_of(url)} SET {default}")
    async with quiet(url) as db:
        asked = [db.transact(lambda w: w.number("INC")) for _ in range(20)]
        assert sorted(await asyncio.gather(*asked)) == list(range(1, 21))


def without_rights(server) -> str:
    server.psql("DROP ROLE IF EXISTS guest", "postgres")
    server.psql("CREATE ROLE guest LOGIN", "postgres")
    return server.database().replace("postgres@", "guest@")


def without_connections(server) -> str:
    server.psql("DROP ROLE IF EXISTS crowd", "postgres")
    server.psql("CREATE ROLE crowd LOGIN CONNECTION LIMIT 0", "postgres")
    return server.database().replace("postgres@", "crowd@")


STARTS = {
    "a closed port": (
        lambda _: f"postgres://sitrep@127.0.0.1:{free_port()}/sitrep",
        r"127.0.0.1:\d+: Connection refused; see storage.url",
    ),
    "closed ports": (
        lambda _: f"postgres://sitrep@127.0.0.1:{free_port()},127.0.0.1:{free_port()}/sitrep",
        r"127.0.0.1:\d+: Connection refused; 127.0.0.1:\d+: Connection refused; see storage.url",
    ),
    "an unknown host": (
        lambda _: "postgres://sitrep@nowhere.invalid/sitrep",
        "nowhere.invalid: .*; see storage.url",
    ),
    "no socket": (lambda _: "postgres:///d?host=/nowhere", "/nowhere: No such file or directory"),
    "an unknown database": (
        lambda server: server.database().replace("@/t", "@/no_t"),
        'database "no_t.*" does not exist',
    ),
    "an unknown user": (
        lambda server: server.database().replace("postgres@", "nobody_at_all@"),
        'role "nobody_at_all" does not exist .28000.; see storage.url',
    ),
    "no rights": (without_rights, "permission denied for schema public .42501.; give its user"),
    "no connection left": (without_connections, "too many connections for role .crowd. .53300."),
    "a setting that is unknown": (
        lambda server: f"{server.database()}&options=-c%20nothing%3D1",
        'unrecognized configuration parameter "nothing"',
    ),
    "a malformed port": (lambda _: "postgres://h:54x2/d", "the port is not a number"),
    "an unknown parameter": (lambda _: "postgres://h/d?sslmodee=x", "did you mean sslmode?"),
}


@pytest.mark.parametrize("fault", STARTS)
async def test_a_fault_at_the_start_is_told_in_one_line(postgres, fault):
    """D5 D7"""
    make, says = STARTS[fault]
    url = make(postgres)

    async def opened() -> None:
        async with quiet(url):
            pass

    asked = [opened]
    if fault != "no rights":  # it may ask, and may not write
        asked.append(lambda: pending_migrations(url))
    for each in asked:
        with pytest.raises(BotError, match=says) as raised:
            await each()
        assert "\n" not in str(raised.value)
        assert isinstance(raised.value, DatabaseAway) == ("storage.url: " not in str(raised.value))


async def test_of_several_hosts_the_first_that_takes_writes_is_used(server, postgres):
    """D7: the first is not there, the second is read-only."""
    for each in (server, postgres):
        each.psql("CREATE DATABASE several")
    postgres.psql("ALTER DATABASE several SET default_transaction_read_only = on")
    hosts = f"/nowhere,{postgres.folder},{server.folder}"
    async with quiet(f"postgres://postgres@/several?host={hosts}") as db:
        await send(db, post())
    assert server.psql("SELECT count(*) FROM outbox", "several") == "1\n"
