"""The Teams adapter on Microsoft's Agents Playground, behind real token validation."""

from __future__ import annotations

import pytest

from bot.domain import events as ev
from bot.domain.incident import Phase
from tests.peers.machine import Missing, unavailable
from tests.peers.microsoft import object_id
from tests.peers.playground import CHANNEL, GROUP, HERE, PERSONAL, emulated
from tests.worlds.teams import button, shown, until

THREAD = f"{CHANNEL};messageid="


@pytest.fixture
async def there(tmp_path, monkeypatch):
    if not HERE.exists():
        unavailable("no Agents Playground: run `make peers`")
    try:
        async with emulated(tmp_path, monkeypatch) as found:
            yield found
    except (Missing, OSError) as exc:
        unavailable(f"no Agents Playground: {exc}")
        raise


async def declared(there, text: str, who: str = "ann") -> str:
    """Declare alone with the bot; return the thread."""
    await there.says(who, f"declare {text}")

    return await until(lambda: next(iter(threads(there)), None), "the thread")


def threads(there) -> list[str]:
    """The threads that begin with a status card."""
    found = [c for c in there.ms.messages if c.startswith(THREAD)]
    return [c for c in found if "State:" in shown(there.seen(c)[0])]


async def test_declared_by_text_run_in_a_thread_by_several_and_resolved(there):
    """C1 K2 L2 T1"""
    await there.says("ann", "help")  # the emulator knows people by no directory's id
    await there.hears("Begin with", PERSONAL)
    await there.says("ben", "declare 1 Checkout <b>down</b> ic:@ann", GROUP)
    thread = await until(lambda: next(iter(threads(there)), None), "the thread")
    root = there.seen(thread)[0]
    await there.hears("INCIDENT DECLARED — SEV1 — Checkout <b>down</b>", thread)
    await there.hears("INCIDENT DECLARED", GROUP)
    asked = await there.hears("take command?", PERSONAL)  # proactive, in the chat of another
    await there.clicks("ann", asked, "Accept", PERSONAL)
    await there.hears("Ann is incident commander", thread)
    await there.says("cara", "update 40 % of hosts rolled back", thread)
    await there.hears("40 % of hosts rolled back — Cara", thread)
    await there.clicks("dev", root, "Join", thread)  # the config does not name Dev
    _, answer = await there.clicks("dev", root, "No new findings", thread)
    assert answer["type"] == "application/vnd.microsoft.card.adaptive"
    await there.hears("no new findings — Dev", thread)
    _, answer = await there.clicks("cara", root, "Resolve", thread, text="x")
    assert "Only the commander" in answer["value"]
    await there.clicks("ann", root, "Resolve", thread, text="311 withdrawn")
    await there.hears("RESOLVED", thread)
    await there.idle()
    assert "resolved" in shown(there.seen(thread)[0])
    assert there.seen(thread)[0]["edits"] >= 3
    assert (await there.incident()).phase is Phase.RESOLVED
    speakers = {e.by for e in await there.timeline()} - {None}
    assert speakers == {"ann", "ben", "cara", f"teams:{object_id('dev')}"}


async def test_declared_by_card_with_a_preview(there):
    """S2"""
    await there.says("ann", "declare")
    form = await there.hears("What is broken?", PERSONAL)
    values = {"title": "Search is slow", "q1": "no", "q2": "yes"}
    _, answer = await there.clicks("ann", form, "Which severity?", PERSONAL, **values)
    preview = {"id": form["id"], "value": answer["value"]}
    assert button(preview, "Declare SEV2")
    await there.clicks("ann", preview, "Declare SEV2", PERSONAL)
    await there.hears("INCIDENT DECLARED — SEV2 — Search is slow", PERSONAL)


async def test_a_press_from_a_client_without_execute_counts_once(there):
    thread = await declared(there, "1 down ic:@ann")
    root = there.seen(thread)[0]
    data = button(root, "No new findings")["fallback"]["data"]
    await there.submits("ann", root, data, thread)
    await there.hears("no new findings", thread)
    await there.submits("ann", root, data, thread)
    await there.idle()
    updates = [e for e in await there.timeline() if isinstance(e, ev.UpdatePosted)]
    assert len(updates) == 1


async def test_installed_removed_and_other_events(there):
    await there.custom(PERSONAL, "install")
    await there.hears("Begin with", PERSONAL)
    await declared(there, "1 down ic:@ann")
    status, _ = await there.custom(
        PERSONAL, "install", type="messageReaction", reactionsAdded=[{"type": "like"}], action=None
    )
    assert status < 300
    for template in ("userAdded", "userRemoved", "channelCreated", "teamRenamed"):
        status, _ = await there.custom(CHANNEL, template)
        assert status < 300, template


async def test_a_group_chat_hears_mentions_alone(there):
    await there.says("ann", "help", GROUP, mention=False)
    await there.says("ann", "who", GROUP)
    await there.hears("No incident runs in this conversation", GROUP)
    assert len(there.seen(GROUP)) == 1
