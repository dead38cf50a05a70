"""Bad input of any kind: nothing crashes, nothing changes, the answer helps (D5)."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cli.checks import verify
from bot.cli.exports import exported
from bot.contract.messages import plain
from bot.domain import drafting
from bot.domain import events as ev
from bot.domain.policy import Plan
from bot.domain.postmortem_values import Section
from bot.grammar.parser import command_line, parse
from bot.grammar.requests import UsageError
from bot.grammar.text import LONGEST_BYTES, clean
from bot.grammar.verbs import BY_WORD, VERBS
from bot.people import Directory, Person
from bot.presenter import Presenter
from bot.refs import PersonId
from bot.testing import stage
from tests.worlds.learning import over

PEOPLE = Directory((Person(id=PersonId("ann"), name="Ann"), Person(id=PersonId("ben"), name="Ben")))
SAY = Presenter(PEOPLE, lambda _service: Plan())


async def unchanged(bot, text: str, who: str = "eve", **more) -> str:
    """Say something that must change nothing, and return the answer."""
    before = await bot.app.store.read(lambda w: w.list("all", 99)), await bot.timeline()
    heard = len(bot.heard())
    assert not await bot.say(who, text, **more)
    after = await bot.app.store.read(lambda w: w.list("all", 99)), await bot.timeline()
    assert after == before
    answers = bot.heard()[heard:]
    assert len(answers) == 1
    return answers[0]


@pytest.mark.parametrize(
    ("text", "helps"),
    [
        ("!inc INC-999 resolve", "!inc list all"),
        ("!inc inc-1 sev zwei", "!inc sev 2"),
        ("!inc handoff @nobody", "Nobody here is called"),
        ("!inc ic @", "needs a person"),
        ("!inc ic @ann @ben", "takes one person"),
        ("!inc role scribe", "needs a person"),
        ("!inc update", "!inc update <text>"),
        ("!inc update \u200b\x00\x07", None),
        ("!inc cadence internal -5m because x", "How often?"),
        ("!inc cadence internal 999999999999d because x", "How often?"),
        ("!inc amend 0 x", "no entry 0"),
        ("!inc redact 1 2", "needs the number"),
        ("!inc amend -1 x", "needs the number"),
        ("!inc declare ic:@nobody x", "Nobody here is called"),
        ("!inc declare service: impact:", None),
        ("!inc 'DROP TABLE incident'", "No verb"),
        ("!inc {0.__class__} %s %n", "No verb"),
        ("!inc " + "x" * 5000, "No verb"),
        ("!inc accept now", "stands alone"),
        ("!INC\tfrobnicate", "No verb"),
        ("!inc tried", "Which step?"),
        ("!inc page @nobody", "Nobody here is called"),
        ("!inc list everything", "!inc list open"),
    ],
)
async def test_a_wrong_command_is_answered_with_a_line_that_works(tmp_path, text, helps):
    """D5"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down")
        if helps is None:
            await bot.say("eve", text)
            return
        answer = await unchanged(bot, text)
        assert helps in answer
        assert "!inc" in answer


NASTY = {
    "64 KiB": "a" * 65536,
    "control": "a\x00b\x07c\x1b[31md\x9b",
    "bidi": "abc\u202edcba\u2066x\u200f",
    "markup": "<script>alert(1)</script> *b* _i_ `c` [l](http://x) {{7*7}} ${x} &amp;",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈 \U0001f6a8",
    "surrogate": "a\ud800b",
    "newlines": "a\r\nb\rc\n\n\nd",
    "sql": "'; DROP TABLE incident; --",
    "json": '{"a": "\\u0000"}',
    "mention": "@everyone @here @channel @ann",
    "private use": "a\ue000b\U000f0000",
    "combining": "Z" + "\u0351" * 500,
    "option like": "service : ic: impact :by:",
}


@pytest.mark.parametrize("name", NASTY)
async def test_any_text_is_taken_stored_shown_and_exported(tmp_path, name):
    """D5 F10"""
    text = NASTY[name]
    async with stage(tmp_path) as bot:
        assert await bot.say("ann", f"!inc declare sev1 T {text}")
        assert await bot.say("ann", f"!inc update U {text}")
        assert await bot.say("ann", f"!inc note N {text}")
        await bot.say("ann", "!inc timeline")
        updates = [e.event for e in await bot.timeline() if isinstance(e.event, ev.UpdatePosted)]
        assert len(updates) == 1
        assert len(updates[0].text.encode()) <= 16 * 1024 + 100
        assert "\x00" not in updates[0].text
        assert "\u202e" not in "".join(bot.heard())
        pages = await exported(bot.app.config, bot.app.store, "INC-1")
        assert set(pages) == {"md", "json"}


async def test_text_over_16_kib_is_cut_with_a_mark_and_a_title_is_kept(tmp_path):
    """F10"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", f"!inc declare sev1 {'long ' * 20000}")
        declared = (await bot.timeline())[0].event
        assert isinstance(declared, ev.Declared)
        assert "cut here" in declared.title
        assert len(declared.title.encode()) < 17 * 1024


def test_bidi_overrides_are_shown_as_marks_and_controls_go():
    """F10"""
    assert clean("a\u202eb\x00c\x1b[0m") == "a⟨RLO⟩bc[0m"
    assert clean("a\r\nb") == "a\nb"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("!inc status", "status"),
        ("!INCIDENT status", "status"),
        ("  !inc   status", "status"),
        ("!incline status", None),
        ("!income", None),
        ("say !inc status", None),
        ("!inc", ""),
        ("hello", None),
    ],
)
def test_the_prefix_needs_its_word_boundary(text, meant):
    assert command_line(text, addressed=False) == meant


@settings(max_examples=400)
@given(
    verb=st.sampled_from([*BY_WORD, "", "INC-1", "inc-1 update"]),
    tail=st.one_of(st.text(max_size=200), st.from_regex(r"[ @:#a-z0-9<>-]{0,60}")),
)
def test_the_parser_answers_everything(verb, tail):
    """D5"""
    answer = parse(f"{verb} {tail}", PEOPLE, {})
    if isinstance(answer, UsageError):
        said = plain(SAY.refusals.usage(answer))
        assert answer.problem
        assert answer.lines
        assert said.count("\n") <= 8


@pytest.mark.parametrize("verb", VERBS, ids=lambda v: v.name)
def test_every_verbs_example_is_understood_and_help_shows_it(verb):
    assert not isinstance(parse(verb.example, PEOPLE_OF_EXAMPLES, {}), UsageError)
    said = plain(SAY.help.answer(verb.name))
    assert verb.form in said
    for alias in verb.aliases:
        assert BY_WORD[alias] is verb
        understood = parse(verb.example.replace(verb.name, alias, 1), PEOPLE_OF_EXAMPLES, {})
        assert understood.verb is verb
        assert plain(SAY.help.answer(alias)) == said
    family = verb.name.partition(" ")[0]
    assert family in plain(SAY.help.answer(""))
    assert verb.form in plain(SAY.help.answer(family))
    assert verb.form in plain(SAY.help.answer("all"))


PEOPLE_OF_EXAMPLES = Directory(
    Person(id=PersonId(n), name=n.capitalize()) for n in ("ann", "ben", "cara", "dev")
)


async def test_a_storm_of_noise_leaves_an_incident_as_it_was(tmp_path):
    """D5"""
    chance = random.Random(3)
    words = [*BY_WORD, "@ann", "@x", "INC-1", "INC-2", "1", "99", "because", "15m", "🔥", "\x00"]
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down ic:@ben", room="lab")
        for _ in range(300):
            line = " ".join(chance.choice(words) for _ in range(chance.randint(1, 6)))
            await bot.say("eve", f"!inc {line}", deliver=False)
        await bot.minutes(2)  # what one stranger declared in a burst is told as one call (F18)
        assert await verify(bot.app.store) == []
        assert (await bot.app.store.backlog()) == {"waiting": 0, "dead": 0}


@pytest.mark.parametrize("name", ["", "a\x00b", "a\ud800", "a\nb", "x" * 100_000])
async def test_names_that_are_none_are_refused_without_an_answer(tmp_path, name):
    """D5 F8"""
    async with stage(tmp_path) as bot:
        assert not await bot.say(name, "!inc declare sev1 down")
        assert not await bot.say("ann", "!inc declare sev1 down", room=name)
        if name != "x" * 100_000 and name:
            assert not await bot.say("ann", "!inc declare sev1 down", event=name)
        assert await bot.app.store.read(lambda w: w.list("all", 9)) == []
        assert bot.chat.done == []


async def test_an_event_id_of_any_length_counts_once(tmp_path):
    """D3"""
    async with stage(tmp_path) as bot:
        for _ in range(2):
            assert await bot.say("ann", "!inc declare sev3 down", event="x" * 100_000)
        assert len(await bot.app.store.read(lambda w: w.list("all", 9))) == 1


@pytest.mark.parametrize(
    ("text", "helps"),
    [
        ("!inc cadence internal 30s because x", "between 1 minute and 24 hours"),
        ("!inc page nowhere", "Nobody is on call for nowhere"),
    ],
)
async def test_what_only_named_people_may_do_is_answered_with_a_line_too(tmp_path, text, helps):
    """D5 F8"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down")
        assert helps in await unchanged(bot, text, "dev")
        refusal = await unchanged(bot, text)
        assert "Only people of the config" in refusal
        assert "!inc" in refusal


async def test_an_imported_section_is_cut_where_a_typed_one_is_and_the_answer_says_so(tmp_path):
    """F10 P3"""
    async with stage(tmp_path) as bot:
        await over(bot)
        incident = await bot.incident()
        entries = await bot.timeline()
        text = drafting.document(incident, entries, bot.app.presenter.drafting)
        long = "- every host answered 500\n" * 20_000
        edited = text.replace("## Lessons learned\n", f"## Lessons learned\n\n{long}")
        done, said = await bot.app.intake.documents.take_over("INC-1", edited, PersonId("ben"))
        assert (done, "cut at 16 KiB" in said, "Lessons learned" in said) == (True, True, True)
        written = (await bot.incident()).review.sections[Section.LESSONS]
        assert len(written.encode()) < LONGEST_BYTES + 100
        assert "[cut here: " in written
        # The same file again is what the record says already.
        done, said = await bot.app.intake.documents.take_over("INC-1", edited, PersonId("ben"))
        assert (done, said) == (True, "nothing differs from the record")
        again = drafting.document(
            await bot.incident(), await bot.timeline(), bot.app.presenter.drafting
        )
        done, said = await bot.app.intake.documents.take_over("INC-1", again, PersonId("ben"))
        assert (done, said) == (True, "nothing differs from the record")
