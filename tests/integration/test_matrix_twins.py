"""Two Sitreps with one account: a restored copy beside the one it was made from."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters.matrix import twins
from adapters.matrix.session import Keep
from tests.harness.waiting import until
from tests.worlds.matrix import world

TOLD = "Another Sitrep speaks as @"


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(twins, "SETTLED", timedelta(0))
    monkeypatch.setattr(twins, "APART", timedelta(0))


@pytest.mark.parametrize("copied", ["a home with its device", "a login of its own"])
async def test_another_that_speaks_with_the_account_is_told_of_in_triage(
    synapse, tmp_path, copied, caplog
):
    """D2"""
    async with world(synapse, tmp_path, matrix="encrypted = false", people=("ann", "cara")) as w:
        room = await w.declared("Checkout is down")
        await w.ann.hears("State", room)
        await w.ann.say(room, "!inc note all that is our own is known")
        await w.ann.hears("all that is our own is known", room)
        assert TOLD not in " ".join(w.ann.texts())
        token = Keep(str(tmp_path)).session().access_token
        if copied == "a login of its own":
            login = {
                "type": "m.login.password", "password": "pw",
                "identifier": {"type": "m.id.user", "user": w.bot.user},
            }  # fmt: skip
            token = synapse.call("POST", "/_matrix/client/v3/login", login)["access_token"]
        for n in range(3):
            path = f"/_matrix/client/v3/rooms/{room}/send/m.room.message/other-{n}"
            body = {"msgtype": "m.notice", "body": f"said by the other, {n}"}
            synapse.call("PUT", path, body, token)
        triage = await w.triage()
        await w.ann.hears(f"{TOLD}{w.bot.user[1:]}: end one of them", triage)
        await w.ann.say(room, "!inc note after it")
        await w.ann.hears("after it", room)
        assert sum(TOLD in text for text in w.ann.texts()) == 1
    said = [r for r in caplog.records if "another Sitrep speaks for us" in r.getMessage()]
    assert len(said) == 1


async def test_what_is_sent_encrypted_offered_and_marked_is_known_as_our_own(synapse, tmp_path):
    async with world(synapse, tmp_path, people=("ann", "cara")) as w:
        room = await w.declared("Checkout is down")
        await w.ann.hears("State", room)
        event = await w.ann.say(room, "!inc nonsense")
        await w.ann.reacted(event, "❓")
        handler = w.bot.app.plugins.adapters["matrix"]._room_events
        sent = len(handler._server.sent)
        await until(lambda: handler._server.sending == 0 and sent > 5)
        assert handler._twins._first is None


async def test_what_another_replica_said_before_is_no_twin(synapse, tmp_path, monkeypatch):
    """D4: it comes once more with the first sync of the one that takes over."""
    monkeypatch.setattr(twins, "SETTLED", timedelta(minutes=1))
    async with world(synapse, tmp_path, matrix="encrypted = false", start=False) as w:
        async with w.bot.running():
            triage = await w.triage()
        path = f"/_matrix/client/v3/rooms/{triage}/send/m.room.message/before"
        token = Keep(str(tmp_path)).session().access_token
        synapse.call("PUT", path, {"msgtype": "m.notice", "body": "by another replica"}, token)
        async with w.bot.running() as app:
            await w.ann.say(triage, "!inc list")
            await w.ann.hears("No incident is open", triage)
            assert app.plugins.adapters["matrix"]._room_events._twins._first is None
