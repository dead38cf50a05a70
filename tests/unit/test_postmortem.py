"""The postmortem: its document, its gates, its promises (P1-P5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from bot.config.load import parse
from bot.domain import commands as cmd
from bot.domain import drafting
from bot.domain import events as ev
from bot.domain.action_values import Category, Strength
from bot.domain.blameless import ReviewFinding
from bot.domain.errors import Rejected
from bot.domain.events import Entry
from bot.domain.evolve import fold
from bot.domain.incident import Kind, Phase
from bot.domain.policy import Plan
from bot.domain.postmortem import waived
from bot.domain.postmortem_values import (
    ORDER,
    TITLES,
    EditedPostmortem,
    Promised,
    ReviewStage,
    Section,
    read,
    write,
)
from bot.grammar.text import clean
from bot.intake.documents import changes
from bot.presenter import Presenter
from bot.refs import ExternalRef
from bot.testing import TEAM
from tests.worlds.domain import ANN, BEN, CARA, DEV, EVE, Play, Retold

CONFIG = parse(TEAM.replace("[adapters.chat]", "[adapters.console]"), {})
SAY = Presenter(CONFIG.directory, CONFIG.plan_for)

MARKDOWN = st.text(
    st.characters(codec="utf-8") | st.sampled_from("\n#|\\*-[]`<>& "), max_size=300
) | st.sampled_from(
    [
        "## Summary",
        "\\## Impact\n## Timeline\n\\\\## Root cause",
        "a\n\n## Lessons learned\n\nb",
        "```\n## Action items\n| a | b |\n```",
        "# Postmortem: x\n\n**Authors:** y",
        "---\n> q\n1. a\n   - b",
        "line\u2028sep\x85next",
    ]
)


def ended(**setting: object) -> Play:
    """A SEV1 that is over."""
    play = Play(plan=Plan(owner=EVE), **setting)
    play.declare(1, commander=BEN)
    play.do(BEN, cmd.AcceptCommand())
    play.wait(20)
    play.do(BEN, cmd.Resolve(text="withdrawn"))
    return play


def entries(play: Play) -> list[Entry]:
    return [Entry(n=n, event=e, recorded_at=e.at) for n, e in enumerate(play.events, 1)]


# --- the document ---------------------------------------------------------------------------------


@given(
    texts=st.dictionaries(st.sampled_from(list(TITLES.values())), MARKDOWN.map(clean)),
    title=st.text(max_size=80).map(lambda t: " ".join(clean(t).split())),
    rows=st.lists(
        st.tuples(*[st.text(max_size=30).map(lambda t: " ".join(clean(t).split()))] * 7), max_size=5
    ),
)
@settings(max_examples=400)
def test_what_is_written_is_read_back_whatever_stands_in_it(texts, title, rows):
    """P3"""
    kept = tuple(row for row in rows if any(row) and not all(set(c) <= set(":-") for c in row))
    document = EditedPostmortem(
        title=title, header={"Authors": "Ann"}, sections=texts, actions=kept
    )
    again = read(write(document))
    assert again.sections == texts
    assert again.actions == kept
    assert again.title == title.removeprefix("Postmortem:").strip() or not title
    assert write(again) == write(read(write(again)))


@given(
    written=st.dictionaries(st.sampled_from(list(Section)), MARKDOWN.map(clean), max_size=8),
    actions=st.lists(
        st.tuples(
            st.text(min_size=1, max_size=60).map(lambda t: " ".join(clean(t).split()) or "x"),
            st.sampled_from(["ann", "ben", "dev"]),
            st.dates(date(2026, 12, 1), date(2027, 12, 1)),
            st.sampled_from(Strength),
            st.sampled_from(Category),
        ),
        max_size=7,
    ),
)
@settings(max_examples=200)
def test_importing_what_was_exported_changes_nothing(written, actions):
    """P3"""
    play = ended()
    for section, text in written.items():
        play.do(ANN, cmd.WriteSection(section=section, text=text))
    for n, (text, owner, due, strength, category) in enumerate(actions, 1):
        added = ev.ActionAdded(
            at=play.now, by=ANN, n=n, text=text, owner=owner, due=due, strength=strength,
            category=category,
        )  # fmt: skip
        play.events.append(added)
        play.incident = fold(tuple(play.events))
    stands = drafting.sections(play.state, entries(play), SAY.drafting)
    document = read(drafting.document(play.state, entries(play), SAY.drafting))
    command = changes(play.state, stands, document, CONFIG.directory)
    assert command == cmd.ImportDocument(sections=(), actions=())


def test_the_document_has_the_policys_sections_in_its_order():
    """P3"""
    play = ended()
    text = drafting.document(play.state, entries(play), SAY.drafting)
    headings = [line[3:] for line in text.split("\n") if line.startswith("## ")]
    assert headings == list(ORDER)
    assert text.startswith("# Postmortem: x\n\n**Date of incident:** 2026-11-24  \n")
    assert "**Duration:** 00:20 (14:00 → 14:20 UTC)" in text
    assert "- 14:20:00 — The commander resolved it: withdrawn" in text


def test_a_near_miss_owes_the_light_form_with_the_seven_days_alone():
    """P1 P2 F7"""
    play = Play()
    play.declare(None, kind=Kind.NEAR_MISS)
    review = play.state.review
    assert review.form == "light"
    assert set(review.due) == {Promised.HELD}
    headings = drafting.sections(play.state, entries(play), SAY.drafting)
    assert Section.IMPACT not in headings
    refusal = play.refused(ANN, cmd.WriteSection(section=Section.IMPACT, text="x"))
    assert "no section impact" in str(refusal)


def test_a_sev3_and_a_drill_owe_none_until_one_is_started_with_a_reason():
    """P1"""
    for severity, kind in ((3, Kind.INCIDENT), (1, Kind.DRILL)):
        play = Play()
        play.declare(severity, kind=kind)
        play.do(ANN, cmd.Resolve())
        assert play.state.review is None
        assert "reason" in str(play.refused(ANN, cmd.StartPostmortem(reason=None)))
        play.do(ANN, cmd.StartPostmortem(reason="the third this month"))
        assert play.state.review.form == "full"
        assert play.state.postmortem == "full"


def test_the_timeline_names_roles_and_the_clocks_have_their_record():
    """P3 K5"""
    play = Play(plan=Plan(comms=DEV))
    play.declare(1, commander=BEN)
    play.do(BEN, cmd.AcceptCommand())
    play.wait(16)
    play.do(BEN, cmd.PostUpdate(text="rolling back"))
    play.do(DEV, cmd.AddNote(kind=cmd.NoteKind.SAW, text="p99 at 4 s"))
    play.do(BEN, cmd.Resolve())
    text = drafting.document(play.state, entries(play), SAY.drafting)
    assert "Ben" not in text.split("## Summary")[1].split("## Action items")[0]
    assert "- 14:16:00 — Comms — saw: p99 at 4 s" in text
    assert "- 14:15:00 — internal update: kept late by 1 min" in text
    assert "- (proposed) The internal update of 14:15 UTC came 1 min late." in text


# --- its promises ---------------------------------------------------------------------------------


def test_half_time_is_reminded_and_what_is_missed_is_escalated_once():
    """P2"""
    play = ended()
    play.wait(60 * 24 * 20)
    told = [(e.promised, e.missed, e.people) for e in play.of(ev.ReviewReminded)]
    assert told == [
        (Promised.SCHEDULED, False, (BEN,)),
        (Promised.SCHEDULED, True, (BEN, EVE)),
        (Promised.HELD, False, (BEN,)),
        (Promised.HELD, True, (BEN, EVE)),
    ]
    at = [e.at - play.of(ev.Resolved)[0].at for e in play.of(ev.ReviewReminded)]
    assert at == [timedelta(hours=h) for h in (24, 48, 84, 168)]


def test_scheduling_keeps_one_promise_and_holding_the_other():
    """P2"""
    play = ended()
    play.do(ANN, cmd.ScheduleReview(when=play.now + timedelta(days=3)))
    play.wait(60 * 24 * 3)
    play.do(ANN, cmd.NoteHeld())
    play.wait(60 * 24 * 10)
    assert play.of(ev.ReviewReminded) == []


def test_a_bot_that_was_down_reminds_once_of_each():
    """P2 K6"""
    play = ended()
    play.sleep(60 * 24 * 30)
    assert len(play.of(ev.ReviewReminded)) == 4
    assert play.do(None, cmd.Tick()) == []


def test_a_reopened_incident_keeps_what_was_written_and_its_clocks_rest():
    """F6"""
    play = ended()
    play.do(ANN, cmd.WriteSection(section=Section.CAUSE, text="so far"))
    play.do(BEN, cmd.OpenReview())
    play.do(BEN, cmd.Reopen(reason="back"))
    assert play.state.review.stage is ReviewStage.DRAFT
    assert play.state.review.sections == {Section.CAUSE: "so far"}
    play.wait(60)
    play.do(BEN, cmd.PostUpdate(text="x"))
    play.do(BEN, cmd.Resolve())
    assert play.state.review.due[Promised.HELD] == play.now + timedelta(days=7)
    assert play.state.review.sections == {Section.CAUSE: "so far"}


def test_what_a_sitrep_without_postmortems_left_owing_is_opened_when_it_is_asked_for():
    """P1"""
    play = ended()
    play.incident = replace(play.state, review=None)
    happened = play.do(ANN, cmd.WriteSection(section=Section.CAUSE, text="x"))
    assert [type(e) for e in happened] == [ev.PostmortemOpened, ev.SectionWritten]


# --- its gates ------------------------------------------------------------------------------------


def finding(n: int, *, blocks: bool) -> ReviewFinding:
    return ReviewFinding(
        rule="named" if blocks else "single-cause", section="Root cause", line=n, column=1,
        words=f"words {n}", why="w", advice="a", blocks=blocks,
    )  # fmt: skip


FINDINGS = st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=4).map(
    lambda pairs: tuple(finding(n, blocks=blocks) for n, blocks in pairs)
)
WHO = st.sampled_from([ANN, BEN, CARA, DEV, EVE])
REASON = st.sampled_from([None, "because"])
STEPS = st.one_of(
    st.builds(cmd.WriteSection, section=st.sampled_from(Section), text=st.just("x")),
    st.builds(cmd.KeepSection, section=st.sampled_from(Section)),
    st.builds(cmd.OpenReview),
    st.builds(cmd.BackToDraft, reason=REASON),
    st.builds(cmd.WaiveFinding, n=st.integers(0, 5), reason=REASON),
    st.builds(cmd.Finalise),
    st.builds(cmd.OwnPostmortem, person=WHO),
    st.builds(cmd.NoteHeld),
    st.builds(cmd.UnscheduleReview),
    st.builds(cmd.Reopen, reason=REASON),
    st.builds(cmd.Resolve),
    st.builds(cmd.StartPostmortem, reason=REASON),
)


class Gates(RuleBasedStateMachine):
    """A postmortem in the hands of five people, whatever its review finds meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.play = ended()
        self.retold = Retold(self.play)

    @rule(who=WHO, command=STEPS, found=FINDINGS)
    def step(self, who, command, found):
        before, was = self.play.state, len(self.play.events)
        try:
            happened = self.play.do(who, command, findings=found)
        except Rejected as refusal:
            if not (str(refusal) and self.play.state == before):
                raise AssertionError("a refusal changes nothing, and says why") from refusal
            return
        for event in happened:
            if isinstance(event, ev.PostmortemFinalised):
                assert before.review.stage is ReviewStage.IN_REVIEW
                assert not any(f.blocks for f in found)
                assert all(waived(f, before.review) for f in found)
                assert who in {before.review.owner, before.commander, EVE}
            if isinstance(event, ev.FindingWaived):
                assert event.reason
                assert who in {before.review.owner, before.commander, EVE}
            if isinstance(event, ev.SectionWritten | ev.FindingWaived):
                assert before.review.stage is not ReviewStage.FINALISED
        assert len(self.play.events) == was + len(happened)

    @rule(minutes=st.integers(1, 60 * 24 * 3))
    def time_passes(self, minutes):
        self.play.wait(minutes)

    @invariant()
    def closed_is_final(self):
        """P1"""
        state = self.play.state
        if state.phase.active:
            assert state.review.stage is ReviewStage.DRAFT
        assert (state.phase is Phase.CLOSED) == (state.review.stage is ReviewStage.FINALISED)

    @invariant()
    def the_timeline_is_the_state(self):
        assert self.retold.agrees()

    def teardown(self):
        assert self.retold.agrees_from_the_start()


@pytest.mark.slow
def test_the_gates_hold_under_any_order_of_commands():
    """P1 P4 P5"""
    run_state_machine_as_test(
        Gates,
        settings=settings(
            max_examples=200,
            stateful_step_count=30,
        ),
    )


# --- action items ---------------------------------------------------------------------------------

DUE = date(2026, 12, 15)


def wanted(text: str = "Page when none came for 3 min", **other: object) -> cmd.AddAction:
    given: dict = {"owner": DEV, "due": DUE, "strength": Strength.DETECT}
    return cmd.AddAction(text=text, **{**given, **other})


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (wanted("improve monitoring"), "which signal"),
        (wanted("Be more careful with deploys"), "asks people to be careful"),
        (wanted("Ask for care", strength=Strength.CARE), "asks people to be careful"),
        (wanted("Read line 3 twice", strength=Strength.CARE), "weakest control"),
        (wanted(owner=None, owner_typed="@platform-team"), "platform-team is a team"),
        (wanted(owner=None, owner_typed="everyone"), "everyone is a team"),
        (wanted(owner=None, owner_typed="#ops-room"), "is a team"),
        (wanted(owner=None, owner_typed="@zoe"), "nobody here is called zoe"),
        (wanted(owner=None), "One person"),
        (wanted(due=None, due_typed="soon"), "“soon” is not a date: 2026-11-25 or later"),
        (wanted(due=date(2026, 11, 24)), "is in the past"),
        (wanted(strength=None), "eliminate, detect, recover, train or care"),
        (wanted(""), "One sentence"),
    ],
)
def test_an_action_that_nobody_could_tick_off_is_refused_with_what_is_missing(command, says):
    """A1"""
    play = ended()
    refusal = play.refused(BEN, command)
    assert any(says in point for point in refusal.points), refusal.points
    assert refusal.lines


def test_everything_that_an_action_lacks_is_told_at_once():
    """A1 D5"""
    refusal = ended().refused(BEN, cmd.AddAction(text="", owner=None, due=None, strength=None))
    assert len(refusal.points) == 4


def test_the_strength_gives_the_category_unless_somebody_says_otherwise():
    """A1"""
    play = ended()
    play.do(BEN, wanted(strength=Strength.RECOVER))
    play.do(BEN, wanted("Show 2 s of it", strength=Strength.TRAIN, category=Category.MITIGATE))
    assert [a.category for a in play.state.actions] == [Category.MITIGATE, Category.MITIGATE]


def test_seven_actions_are_the_most():
    """A1"""
    play = ended()
    for n in range(7):
        play.do(BEN, wanted(f"Page when none came for {n} min"))
    assert any("7 actions are the most" in p for p in play.refused(BEN, wanted()).points)
    play.do(BEN, cmd.DropAction(n=3, reason="the same as 2"))
    play.do(BEN, wanted())


def test_an_action_is_changed_by_its_owner_or_who_answers_for_the_whole():
    """A1"""
    play = ended()
    play.do(BEN, wanted())
    assert play.refused(CARA, cmd.FinishAction(n=1)).for_whom is not None
    later = cmd.ChangeAction(n=1, due=date(2026, 12, 20))
    assert "needs a reason" in str(play.refused(DEV, later))
    play.do(DEV, replace(later, reason="a holiday"))
    play.do(EVE, cmd.ChangeAction(n=1, due=date(2026, 12, 18)))  # sooner needs no reason
    play.do(DEV, cmd.FinishAction(n=1))
    play.do(BEN, cmd.ReopenAction(n=1))
    assert play.state.action(1).open


def test_an_overdue_action_is_told_to_its_owner_then_to_the_services_owner():
    """A3"""
    play = ended()
    play.do(BEN, cmd.NoteHeld())
    play.do(BEN, wanted())
    play.wait(60 * 24 * 60)
    told = [(e.people, e.at) for e in play.of(ev.ActionChased)]
    assert told == [
        ((DEV,), datetime(2026, 12, 16, 9, tzinfo=UTC)),
        ((EVE,), datetime(2026, 12, 19, 9, tzinfo=UTC)),
    ]
    play.do(DEV, cmd.ChangeAction(n=1, due=play.now.date() + timedelta(days=7), reason="moved"))
    play.wait(60 * 24 * 20)
    assert len(play.of(ev.ActionChased)) == 4


def test_a_drills_actions_are_not_chased():
    """A3"""
    play = Play()
    play.declare(1, kind=Kind.DRILL, commander=BEN)
    play.do(BEN, wanted(owner=ANN))
    play.wait(60 * 24 * 60)
    assert play.of(ev.ActionChased) == []


def test_what_a_tracker_says_counts_once_and_never_what_sitrep_did_itself():
    """A2"""
    play = ended()
    play.do(BEN, wanted())
    ticket = ExternalRef("tracker", "7")
    assert play.do(None, cmd.NoteTicketState(n=1, closed=True)) == []  # not filed yet
    play.do(None, cmd.NoteActionTicket(n=1, ticket=ticket))
    assert play.do(None, cmd.NoteTicketState(n=1, closed=False)) == []
    play.do(DEV, cmd.FinishAction(n=1))
    assert play.do(None, cmd.NoteTicketState(n=1, closed=False)) == []  # not closed there yet
    play.do(None, cmd.NoteActionTicket(n=1, ticket=ticket, closed=True))
    assert play.do(None, cmd.NoteTicketState(n=1, closed=True)) == []
    (reopened,) = play.do(None, cmd.NoteTicketState(n=1, closed=False))
    assert reopened.there
    (done,) = play.do(None, cmd.NoteTicketState(n=1, closed=True))
    assert isinstance(done, ev.ActionDone)
    assert play.state.phase is Phase.RESOLVED
