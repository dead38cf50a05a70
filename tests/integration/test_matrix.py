"""The Matrix adapter on a real Synapse: what people type, press and see."""

from __future__ import annotations

from functools import partial

import pytest

from adapters.matrix.session import Keep
from bot.domain import events as ev
from bot.domain.incident import Phase
from tests.harness.waiting import until
from tests.worlds.matrix import world


@pytest.mark.parametrize("encrypted", [True, False], ids=["encrypted", "plain"])
@pytest.mark.parametrize("version", ["11", "12"])
async def test_a_whole_incident_by_typed_commands(synapse, tmp_path, encrypted, version):
    """C1 C4 K2 T1"""
    settings = f'encrypted = {str(encrypted).lower()}\nroom_version = "{version}"'
    async with world(synapse, tmp_path, matrix=settings) as w:
        room = await w.declared("1 Checkout answers 500 service:checkout")
        await w.ann.hears("INCIDENT DECLARED", room)
        direct = await w.ben.hears("take command?")
        await w.ben.say(direct["room_id"], "!inc INC-1 accept")
        await w.ben.hears("is incident commander", room)
        told = await w.ann.say(room, "!inc update rolling back")
        await w.ann.reacted(told, "✅")
        await w.ann.hears("rolling back — Ann", room)
        wrong = await w.ann.say(room, "!inc resolve")
        await w.ann.reacted(wrong, "❓")
        await w.ben.say(room, "!inc resolve done")
        await w.ann.hears("RESOLVED", room)
        assert (await w.bot.incident()).phase is Phase.RESOLVED
        said = [e for e in w.ann.heard(room) if e["sender"] == w.bot.user]
        assert all(e["decrypted"] is encrypted for e in said)
        assert all("m.mentions" in e["content"] for e in said)


@pytest.mark.parametrize("encrypted", [True, False], ids=["encrypted", "plain"])
@pytest.mark.parametrize("version", ["11", "12"])
async def test_an_incident_is_run_by_reactions(synapse, tmp_path, encrypted, version):
    """C1 K2 T1: pressing is typing, with the same permissions"""
    settings = f'encrypted = {str(encrypted).lower()}\nroom_version = "{version}"'
    async with world(synapse, tmp_path, matrix=settings) as w:
        room = await w.declared("1 Checkout is down")
        asked = await w.ben.hears("take command?")
        await w.ben.reacted(asked["event_id"], "1️⃣")
        await w.ben.react(asked["room_id"], asked["event_id"], "1️⃣")
        await w.ann.hears("Ben is incident commander", room)
        await w.ann.say(room, "!inc stabilised")
        stable = await w.ann.hears("Stabilised at", room)
        await w.ann.reacted(stable["event_id"], "1️⃣")
        pressed = await w.ann.react(room, stable["event_id"], "1️⃣")
        await w.ann.hears("Only the commander", room)
        await w.ann.client.room_redact(room, pressed)  # undoes nothing
        await w.ben.room(f"{w.bot.prefix}-inc-1")
        await w.ben.react(room, stable["event_id"], "1")  # a key without its selectors
        await w.ben.react(room, stable["event_id"], "1\u20e3")
        await w.ann.hears("RESOLVED", room)
        assert (await w.bot.incident()).phase is Phase.RESOLVED


async def test_messages_are_captured_by_reaction_and_pin_and_their_changes_followed(
    synapse, tmp_path
):  # fmt: skip
    """L1 L3"""
    async with world(synapse, tmp_path) as w:
        room = await w.declared("2 slow")
        said = await w.ann.say(room, "db-1 is at 100 % since 14:00")
        await w.ann.react(room, said, "📌")
        await w.ann.hears("Noted", room)
        await w.ann.reacted(said, "✅")
        other = await w.ann.say(room, "the replica lags")
        pins = (await w.ann.state(room, "m.room.pinned_events"))["pinned"]
        await w.ann.client.room_put_state(room, "m.room.pinned_events", {"pinned": [*pins, other]})
        await w.ann.reacted(other, "✅")
        fresh = {"msgtype": "m.text", "body": "db-1 is at 90 %"}
        relation = {"rel_type": "m.replace", "event_id": said}
        await w.ann.say(
            room, "* db-1 is at 90 %", **{"m.new_content": fresh, "m.relates_to": relation}
        )
        await w.ann.hears("now says: db-1 is at 90 %", room)
        await w.ben.client.join(room)
        forged = {"msgtype": "m.text", "body": "db-1 is fine"}
        await w.ben.say(
            room, "* db-1 is fine", **{"m.new_content": forged, "m.relates_to": relation}
        )
        typo = await w.ann.say(room, "the casue is unknown")
        mended = {"msgtype": "m.text", "body": "the queue is full"}
        relation = {"rel_type": "m.replace", "event_id": typo}
        await w.ann.say(
            room, "* the queue is full", **{"m.new_content": mended, "m.relates_to": relation}
        )
        await w.ann.react(room, typo, "📌")
        await w.ann.reacted(typo, "✅")
        await w.ann.client.room_redact(room, other)
        await w.ann.hears("is removed, for good", room)
        entries = await w.bot.timeline()
        captured = [e.event for e in entries if isinstance(e.event, ev.MessageCaptured)]
        assert [c.text for c in captured] == [
            "db-1 is at 100 % since 14:00", ev.REDACTED, "the queue is full",
        ]  # fmt: skip
        assert all(c.author == "ann" for c in captured)
        sent = next(e for e in w.ann.heard(room) if e["event_id"] == said)
        assert captured[0].at.timestamp() * 1000 == pytest.approx(sent["origin_server_ts"])


async def test_the_card_is_pinned_and_edited_in_place(synapse, tmp_path):
    """L2"""
    async with world(synapse, tmp_path) as w:
        room = await w.declared("1 down")
        card = await w.ann.hears("State: SEV1 · investigating", room)
        await until(lambda: w.ann.state(room, "m.room.pinned_events"))
        assert (await w.ann.state(room, "m.room.pinned_events"))["pinned"] == [card["event_id"]]
        await w.ann.say(room, "!inc impact all shops")
        edit = await w.ann.hears("Impact: all shops", room)
        assert edit["content"]["m.relates_to"] == {
            "rel_type": "m.replace", "event_id": card["event_id"],
        }  # fmt: skip
        assert edit["content"]["m.mentions"] == {}


async def test_open_incidents_are_listed_where_they_are_declared(synapse, tmp_path):
    async with world(synapse, tmp_path) as w:
        triage = await w.triage()
        await w.declared("1 down ic:@ann")
        board = await w.ann.hears("1 incident runs", triage)
        link = f"https://matrix.to/#/%23{w.bot.prefix}-inc-1%3Asitrep.test"
        assert f'<a href="{link}">INC-1</a>' in board["content"]["formatted_body"]
        await w.declared("2 slow ic:@ann", number="inc-2")
        await w.ann.hears("2 incidents run", triage)
        await w.ann.say(triage, "!inc INC-1 resolve")
        await w.ann.say(triage, "!inc INC-2 resolve")
        edit = await w.ann.hears("No incident runs", triage)
        assert edit["content"]["m.relates_to"]["event_id"] == board["event_id"]
        pinned = (await w.ann.state(triage, "m.room.pinned_events"))["pinned"]
        assert pinned == [board["event_id"]]


async def test_a_page_notifies_and_chatter_does_not(synapse, tmp_path):
    async with world(synapse, tmp_path) as w:
        room = await w.declared("1 down")
        await w.ann.say(room, "!inc note looking")
        note = await w.ann.hears("Noted", room)
        assert note["content"]["msgtype"] == "m.notice"
        assert note["content"]["m.mentions"] == {}
        await w.ann.say(room, "!inc page @cara eyes")
        page = await w.ann.hears("Paged", room)
        assert page["content"]["msgtype"] == "m.text"
        assert page["content"]["m.mentions"] == {"user_ids": [w.cara.user]}
        alone = await w.cara.hears("Paged by Ann")
        assert alone["content"]["msgtype"] == "m.text"
        assert alone["content"]["m.mentions"] == {"user_ids": [w.cara.user]}


async def test_people_are_named_by_pills_and_ids_and_the_bot_by_a_mention(synapse, tmp_path):
    async with world(synapse, tmp_path) as w:
        room = await w.declared("1 down")
        pill = f'{w.bot.user}: role scribe <a href="https://matrix.to/#/{w.cara.user}">Cara Doe</a>'
        await w.ann.say(
            room, f"{w.bot.user}: role scribe Cara Doe",
            format="org.matrix.custom.html", formatted_body=pill,
        )  # fmt: skip
        await w.ann.hears("Cara is scribe", room)
        await w.ann.say(room, f"!inc role comms {w.ben.user}")
        await w.ann.hears("Ben is comms", room)


async def test_in_a_direct_room_no_prefix_is_needed_and_everything_notifies(synapse, tmp_path):
    async with world(synapse, tmp_path) as w:
        await w.declared("1 down ic:@ann")
        room = await w.ann.room(f"{w.bot.prefix}-inc-1")
        await w.ann.say(room, "!inc handoff @ben")
        offered = await w.ben.hears("hands command to you")
        direct = offered["room_id"]
        await w.ben.say(direct, "INC-1 accept")
        await w.ann.hears("Ben is incident commander", room)
        # What the account keeps comes back with the sync, and changes nothing of it.
        data = f"/_matrix/client/v3/user/{w.bot.user}/account_data/m.direct"
        token = Keep(str(tmp_path)).session().access_token
        assert synapse.call("GET", data, None, token)[w.ben.user] == [direct]
        await w.ben.say(direct, "INC-1 who")
        answer = await w.ben.hears("who is who", direct)
        assert answer["content"]["msgtype"] == "m.text"
        await w.ann.say(room, "!inc page @ben eyes")
        page = await w.ben.hears("Paged by Ann", direct)
        assert page["content"]["m.mentions"] == {"user_ids": [w.ben.user]}
        # Somebody who left is still to be woken.
        await w.ben.client.room_leave(direct)
        w.ben.client.rooms.pop(direct, None)
        await w.ann.say(room, "!inc page @ben again")
        await w.ben.hears("again", direct)


async def test_a_stranger_cannot_invite_the_bot_nor_press_buttons(synapse, tmp_path):
    """F8"""
    async with world(
        synapse, tmp_path, more='[access]\nunknown_people = "refuse"', strangers=("mallory",)
    ) as w:
        room = await w.declared("1 down")
        made = await w.mallory.client.room_create(invite=[w.bot.user])

        def declined():
            state = [e for e in w.mallory.events if e.get("state_key") == w.bot.user]
            return any(e["content"]["membership"] == "leave" for e in state)

        await until(declined, "the invitation is declined")
        await w.ann.client.room_invite(room, w.mallory.user)
        card = await w.mallory.room(f"{w.bot.prefix}-inc-1")
        await w.mallory.say(card, "!inc resolve")
        await w.mallory.hears("not among the people", room)
        before = len(await w.bot.timeline())
        await w.mallory.say(made.room_id, "!inc declare nothing")
        asked = await w.mallory.say(room, "!inc update mine")
        await w.mallory.reacted(asked, "❓")
        assert len(await w.bot.timeline()) == before
        assert (await w.bot.incident()).phase is Phase.INVESTIGATING


async def test_an_allowed_user_brings_the_bot_into_another_room(synapse, tmp_path):
    async with world(synapse, tmp_path) as w:
        made = await w.ann.client.room_create(name="old ops", invite=[w.bot.user])
        await w.ann.joined(made.room_id, w.bot.user)
        await w.ann.say(made.room_id, "!inc list")
        await w.ann.hears("No incident is open", made.room_id)


async def test_being_put_out_and_losing_power_is_told(synapse, tmp_path):
    """D2: in a room of people's own, where the bot is a guest"""
    async with world(synapse, tmp_path, start=False) as w:
        made = await w.ann.client.room_create(name="ops", invite=[w.bot.user])
        room = made.room_id
        levels = await w.ann.state(room, "m.room.power_levels")
        await w.ann.powers(room, levels, w.bot.user, 50)
        w.bot.settings = w.bot.settings.replace(
            "[adapters.matrix]", f'[adapters.matrix]\nlayout = "threads"\ntriage = "{room}"'
        )
        async with w.bot.running():
            await w.ann.joined(room, w.bot.user)
            await w.ann.say(room, "!inc declare 1 down ic:@ann")
            await w.ann.hears("State", room)
            await w.ann.powers(room, levels, w.bot.user, 0)
            await w.ann.hears("may not pin, set the topic in this room", room)
            await w.ann.client.room_kick(room, w.bot.user, "wrong room")
            told = await w.ann.hears("was removed from the room ops")
            assert told["room_id"] != room
            await w.ann.say(told["room_id"], "!inc INC-1 update said while it was out")
            await w.ann.client.room_invite(room, w.bot.user)
            await w.ann.hears("said while it was out — Ann", room)


async def test_an_upgraded_room_is_followed(synapse, tmp_path):
    async with world(synapse, tmp_path, matrix='room_version = "11"\nadmins = ["{ann}"]') as w:
        room = await w.declared("1 down ic:@ann")
        await w.ann.hears("State", room)
        answer = synapse.call(
            "POST", f"/_matrix/client/v3/rooms/{room}/upgrade", {"new_version": "12"}, w.ann.token
        )
        fresh = answer["replacement_room"]
        await until(lambda: fresh in w.ann.client.rooms)
        await w.ann.hears("State: SEV1", fresh)
        await w.ann.say(fresh, "!inc update we are here now")
        await w.ann.hears("we are here now — Ann", fresh)
        assert [str(e.event.text) for e in await w.bot.timeline()
                if isinstance(e.event, ev.UpdatePosted)] == ["we are here now"]  # fmt: skip


async def test_nothing_but_messages_is_believed_of_what_was_encrypted(synapse, tmp_path):
    """F8: no homeserver sees whether its sender may send what is inside"""
    async with world(synapse, tmp_path) as w:
        room = await w.declared("1 down ic:@ann")
        await w.ann.hears("State", room)
        trap = await w.ben.client.room_create(invite=[w.bot.user])
        await w.ben.client.join(room)
        moved = {"replacement_room": trap.room_id, "body": "this way"}
        await w.ben.send(room, "m.room.tombstone", moved)
        member = {"membership": "join", "state_key": w.bot.user}
        await w.ben.send(room, "m.room.member", member)
        await w.ben.send(room, "m.room.power_levels", {"users": {}, "events_default": 100})
        await w.ann.say(room, "!inc update still here")
        await w.ann.hears("still here — Ann", room)
        assert [e for e in await w.bot.timeline() if isinstance(e.event, ev.TroubleFound)] == []


async def test_a_direct_room_that_the_bot_was_put_out_of_is_made_again(synapse, tmp_path):
    """D2: a page must reach"""
    async with world(synapse, tmp_path) as w:
        made = await w.ben.client.room_create(is_direct=True, invite=[w.bot.user])
        await w.ben.joined(made.room_id, w.bot.user)
        room = await w.declared("1 down ic:@ann")
        await w.ann.say(room, "!inc page @ben eyes")
        assert (await w.ben.hears("Paged by Ann"))["room_id"] == made.room_id
        await w.ben.client.room_kick(made.room_id, w.bot.user)
        heard = len(w.ben.heard())
        await w.ann.say(room, "!inc page @ben now")
        again = await w.ben.hears("Paged by Ann", after=heard)
        assert again["room_id"] != made.room_id


async def test_long_answers_go_into_a_thread_or_are_attached(synapse, tmp_path):
    async with world(synapse, tmp_path) as w:
        room = await w.declared("1 down")
        asked = await w.ann.say(room, "!inc help all")
        answer = await w.ann.hears("In an incident's conversation", room)
        assert answer["content"]["m.relates_to"]["event_id"] == asked
        assert answer["content"]["m.relates_to"]["rel_type"] == "m.thread"
        await w.ann.say(room, "!inc note " + "long " * 3000)
        await w.ann.say(room, "!inc update " + "wörter " * 2300)
        await w.ann.hears("shortened; the whole text is attached", room)
        file = await until(
            lambda: next(
                (e for e in w.ann.heard(room) if e["content"].get("msgtype") == "m.file"), None
            )
        )
        assert file["content"]["file"]["url"].startswith("mxc://")
        assert file["content"]["info"]["size"] > 16_000


async def test_threads_instead_of_rooms(synapse, tmp_path):
    async with world(synapse, tmp_path, matrix='layout = "threads"') as w:
        triage = await w.triage()
        await w.ann.say(triage, "!inc declare 1 down ic:@ann")
        root = await w.ann.hears("INC-1 · SEV1", triage)
        card = await w.ann.hears("State: SEV1", triage)
        assert card["content"]["m.relates_to"]["event_id"] == root["event_id"]
        relation = {"rel_type": "m.thread", "event_id": root["event_id"]}
        await w.ann.say(triage, "!inc stabilised", **{"m.relates_to": relation})
        await w.ann.hears("Stabilised at", triage)
        edit = await w.ann.hears("INC-1 · SEV1 · stabilised", triage)
        assert edit["content"]["m.relates_to"]["event_id"] == root["event_id"]


async def test_a_command_in_clear_in_an_encrypted_room_is_answered_and_not_done(synapse, tmp_path):
    """F8 D5: whoever runs the homeserver could have written it"""
    async with world(synapse, tmp_path) as w:
        room = await w.declared("1 down ic:@ann")
        await w.ann.hears("State", room)
        before = len(await w.bot.timeline())

        def in_clear(kind: str, n: int, content: dict[str, object]) -> None:
            path = f"/_matrix/client/v3/rooms/{room}/send/{kind}/clear{n}"
            synapse.call("PUT", path, content, w.ann.token)

        in_clear("m.room.message", 1, {"msgtype": "m.text", "body": "!inc resolve all is well"})
        answer = await w.ann.hears("came unencrypted in an encrypted room", room)
        assert answer["decrypted"]
        in_clear("m.room.message", 2, {"msgtype": "m.text", "body": "!inc status"})
        in_clear("m.room.message", 3, {"msgtype": "m.text", "body": "well well"})
        in_clear("m.room.pinned_events", 4, {"pinned": [answer["event_id"]]})
        told = await w.ann.say(room, "!inc update still down")
        await w.ann.reacted(told, "✅")

        def answers() -> int:
            return len([t for t in w.ann.texts(room) if "came unencrypted" in t])

        await until(lambda: answers() >= 2)  # a mark may come before another's answer
        await w.ann.reacted(await w.ann.say(room, "!inc update down as before"), "✅")
        assert answers() == 2
        kinds = [type(e.event) for e in await w.bot.timeline()][before:]
        assert ev.UpdatePosted in kinds
        assert {ev.Resolved, ev.MessageCaptured}.isdisjoint(kinds)


async def test_a_private_incident_has_a_room_that_only_the_invited_may_enter(synapse, tmp_path):
    """F17"""
    async with world(synapse, tmp_path, strangers=("eve",)) as w:
        room = await w.declared("1 zanzibar leaks private ic:@ben")
        await w.ann.hears("INCIDENT DECLARED", room)
        assert (await w.ann.state(room, "m.room.join_rules"))["join_rule"] == "invite"
        assert (await w.ann.state(room, "m.room.power_levels"))["invite"] == 50
        triage = await w.triage()
        await w.ann.hears("declared as private", triage)
        await w.cara.say(triage, "!inc INC-1 status")
        await w.cara.hears("INC-1 is private", triage)
        said = [text for text in w.ann.texts(triage) if "zanzibar" in text]
        assert len(said) == 1  # what was typed
        await w.ann.say(room, "!inc private off because it was nothing")
        await w.ann.hears("private no more", room)


async def test_what_the_triage_room_was_told_is_redacted_once_it_is_private(synapse, tmp_path):
    """F17: an edited message would still show what it said, and so would an attached file"""
    async with world(synapse, tmp_path) as w:
        room, triage = await w.declared("1 zanzibar leaks ic:@ann"), await w.triage()
        told = await w.ann.hears("INCIDENT DECLARED", triage)
        for n in range(6):
            note = await w.ann.say(room, f"!inc note {n} " + 400 * "zanzibar leaks on and on ")
            await w.ann.reacted(note, "✅")
        await w.cara.say(triage, "!inc INC-1 timeline")
        answer = await w.cara.hears("the whole text is attached", triage)
        file = await w.cara.hears("whole-text.txt", triage)
        await w.ann.say(room, "!inc private on because names are in it")
        for each in (told, answer, file):
            gone = await until(partial(redaction, w, triage, each["event_id"]), "the redaction")
            assert gone["content"]["reason"] == "INC-1 is private."
            path = f"/_matrix/client/v3/rooms/{triage}/event/{each['event_id']}"
            assert synapse.call("GET", path, None, w.cara.token)["content"] == {}


def redaction(w, room: str, event: str):
    """Return the redaction of an event."""
    found = (e for e in w.cara.heard(room, "m.room.redaction") if event in str(e))
    return next(found, None)
