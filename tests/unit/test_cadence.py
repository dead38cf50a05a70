from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.incident import ClockName, Outcome, Role, Rung, RungKind, Severity
from bot.domain.policy import Plan, Policy
from tests.worlds.domain import ALL, ANN, BEN, CARA, DEV, EVE, START, Play, at

MINUTE = timedelta(minutes=1)


def accepted(**setting) -> Play:
    play = Play(**setting)
    play.declare(1)
    play.do(BEN, cmd.AcceptCommand())
    return play


def internal(play: Play):
    return play.state.clocks[ClockName.INTERNAL]


def fired(play: Play, events=None) -> list[RungKind]:
    return [e.kind for e in play.of(ev.RungFired, events)]


def test_the_three_clocks_start_with_their_periods():
    """K1"""
    plan = Plan(external={Severity.SEV1: 45 * MINUTE})
    play = accepted(audiences=ALL, plan=plan)
    assert [
        play.due(c) for c in (ClockName.INTERNAL, ClockName.EXTERNAL, ClockName.STAKEHOLDER)
    ] == [
        at(15),
        at(45),
        at(30),
    ]


def test_an_update_keeps_the_promise_and_starts_the_next_period_from_now():
    """K2"""
    play = accepted()
    play.wait(4)
    play.do(DEV, cmd.PostUpdate(text="still investigating"))
    assert internal(play).kept == 1
    assert play.due() == at(19)


def test_the_ladder_fires_each_rung_once_and_in_order():
    """K3"""
    play = accepted()
    happened = play.wait(29)
    rungs = play.of(ev.RungFired, happened)
    assert [(r.kind, r.at, r.people) for r in rungs] == [
        (RungKind.PROMPT, at(12), (BEN,)),
        (RungKind.OVERDUE, at(15), (BEN,)),
        (RungKind.PAGE, at(20), (BEN,)),
        (RungKind.NEXT, at(25), (CARA,)),
    ]


def test_config_moves_the_rungs_and_a_running_promise_keeps_its_own():
    """K3 F13"""
    early = Policy(rungs=(Rung(kind=RungKind.PROMPT, offset=-5 * MINUTE),))
    play = accepted()
    play.setting = replace(play.setting, policy=early)
    assert fired(play, play.wait(11)) == []
    assert fired(play, play.wait(1)) == [RungKind.PROMPT]
    play.do(BEN, cmd.PostUpdate(text="x"))
    assert fired(play, play.wait(10)) == [RungKind.PROMPT]


def test_a_cadence_shorter_than_the_ladder_still_fires_every_rung_before_it_is_missed():
    """K3"""
    play = accepted()
    play.do(BEN, cmd.ChangeCadence(clock=ClockName.INTERNAL, period=5 * MINUTE))
    kinds = fired(play, play.wait(9.9))
    assert kinds == [RungKind.PROMPT, RungKind.OVERDUE, RungKind.PAGE, RungKind.NEXT]


def test_a_late_update_says_by_how_much():
    """K5 F2"""
    play = accepted()
    play.wait(17)
    play.do(DEV, cmd.PostUpdate(text="rolling back"))
    assert internal(play).late == (2 * MINUTE,)


def test_at_the_due_time_is_kept():
    """F2"""
    play = accepted()
    play.wait(15)
    play.do(DEV, cmd.PostUpdate(text="x"))
    assert internal(play).kept == 1


def test_an_update_is_judged_by_when_it_was_written():
    """F2"""
    play = accepted()
    play.wait(16)
    play.do(DEV, cmd.PostUpdate(text="x"), written_at=at(14))
    assert internal(play).kept == 1
    assert play.of(ev.UpdatePosted)[0].at == at(14)
    assert play.due() == at(31)


def test_but_never_more_than_five_minutes_before_nor_later_than_recorded():
    """F2"""
    play = accepted()
    play.wait(22)
    play.do(DEV, cmd.PostUpdate(text="x"), written_at=at(10))
    assert internal(play).late == (2 * MINUTE,)
    play.wait(20)
    play.do(DEV, cmd.PostUpdate(text="x"), written_at=at(500))
    assert internal(play).late == (2 * MINUTE, 5 * MINUTE)


def test_an_hours_silence_is_several_misses():
    """F2 K5"""
    play = accepted()
    play.wait(75)
    assert internal(play).missed == 2
    settled = [e for e in play.of(ev.PromiseSettled) if e.outcome is Outcome.MISSED]
    assert [e.due_at for e in settled] == [at(15), at(45)]
    assert play.due() == at(75)


def test_a_miss_is_told_before_what_comes_after_it():
    """F2"""
    play = accepted()
    play.sleep(40)
    assert internal(play).missed == 1
    assert play.due() == at(45)
    rungs = play.of(ev.RungFired)
    assert [r.silent for r in rungs if r.n == 1] == [True] * 4
    assert not any(r.silent for r in rungs if r.n == 2)


def test_what_fell_due_while_the_bot_was_down_is_done_once_and_says_how_late():
    """K6"""
    play = accepted()
    happened = play.sleep(21)
    loud = [(r.kind, r.late_by) for r in play.of(ev.RungFired, happened) if not r.silent]
    assert loud == [(RungKind.PAGE, 1 * MINUTE)]
    assert fired(play, happened) == [RungKind.PROMPT, RungKind.OVERDUE, RungKind.PAGE]
    assert play.do(None, cmd.Tick()) == []


def test_a_clock_that_jumps_back_fires_nothing_again():
    """K6"""
    play = accepted()
    play.wait(16)
    play.now = START
    assert play.do(None, cmd.Tick()) == []
    play.do(BEN, cmd.PostUpdate(text="x"))
    assert internal(play).kept == 1
    assert play.due() == at(15)


def test_lengthening_is_the_commanders_says_why_and_moves_no_running_promise():
    """K4 C5 F3"""
    play = accepted()
    longer = cmd.ChangeCadence(clock=ClockName.INTERNAL, period=30 * MINUTE, reason="vendor")
    play.refused(DEV, longer)
    play.refused(BEN, replace(longer, reason=None))
    play.do(BEN, longer)
    assert play.due() == at(15)
    play.wait(10)
    play.do(BEN, cmd.PostUpdate(text="x"))
    assert play.due() == at(40)
    assert play.of(ev.CadenceChanged)[0].reason == "vendor"


def test_a_shorter_cadence_moves_the_promise_to_now_plus_the_period():
    """F3"""
    play = accepted()
    play.wait(2)
    play.do(DEV, cmd.ChangeCadence(clock=ClockName.INTERNAL, period=5 * MINUTE))
    assert play.due() == at(7)
    assert internal(play).withdrawn == 1


def test_a_shorter_cadence_never_moves_a_promise_later():
    """F3"""
    play = accepted()
    play.wait(13)
    play.do(DEV, cmd.ChangeCadence(clock=ClockName.INTERNAL, period=10 * MINUTE))
    assert play.due() == at(15)


@pytest.mark.parametrize("period", [timedelta(0), timedelta(seconds=30), timedelta(days=2)])
def test_a_cadence_out_of_bounds_is_refused(period):
    """D5"""
    play = accepted()
    play.refused(BEN, cmd.ChangeCadence(clock=ClockName.INTERNAL, period=period, reason="x"))


def test_a_clock_without_an_audience_is_refused():
    play = accepted()
    play.refused(BEN, cmd.ChangeCadence(clock=ClockName.EXTERNAL, period=15 * MINUTE, reason="x"))
    play.refused(BEN, cmd.PublishExternal(text="x"))
    play.refused(BEN, cmd.SendBrief(text="x"))


def test_who_owes_each_clock():
    """F1"""
    plan = Plan(comms=DEV, external={Severity.SEV1: 30 * MINUTE})
    play = accepted(audiences=ALL, plan=plan)
    happened = play.wait(30)
    overdue = {r.clock: r.owed_by for r in play.of(ev.RungFired, happened)}
    assert overdue[ClockName.INTERNAL] == BEN
    assert overdue[ClockName.EXTERNAL] == DEV
    assert overdue[ClockName.STAKEHOLDER] == DEV
    play.do(BEN, cmd.AssignRole(role=Role.LIAISON, person=EVE))
    happened = play.wait(5)
    page = [r for r in play.of(ev.RungFired, happened) if r.clock is ClockName.STAKEHOLDER]
    assert page[0].owed_by == EVE


def test_a_publication_keeps_the_external_promise_and_a_brief_the_stakeholders():
    """F1"""
    plan = Plan(comms=DEV, liaison=EVE, external={Severity.SEV1: 30 * MINUTE})
    play = accepted(audiences=ALL, plan=plan)
    play.do(BEN, cmd.PostUpdate(text="x"))
    assert play.state.clocks[ClockName.EXTERNAL].kept == 0
    play.refused(CARA, cmd.PublishExternal(text="we know"))
    play.do(BEN, cmd.PublishExternal(text="we know"))
    assert play.state.clocks[ClockName.EXTERNAL].kept == 1
    play.refused(CARA, cmd.SendBrief(text="all well"))
    play.do(EVE, cmd.SendBrief(text="all well"))
    assert play.state.clocks[ClockName.STAKEHOLDER].kept == 1


def test_comms_draft_is_published_by_the_commanders_word_alone():
    """X2 C5"""
    plan = Plan(comms=DEV, external={Severity.SEV1: 30 * MINUTE})
    play = accepted(audiences=ALL, plan=plan)
    play.do(DEV, cmd.PublishExternal(text="the databse is slow"))
    assert play.state.published is None
    assert play.state.clocks[ClockName.EXTERNAL].kept == 0
    play.refused(DEV, cmd.Approve())
    play.refused(DEV, cmd.RejectDraft(reason=None))
    play.do(BEN, cmd.RejectDraft(reason="no internals"))
    play.refused(BEN, cmd.Approve())
    play.do(DEV, cmd.PublishExternal(text="Checkout is slow"))
    play.do(DEV, cmd.PublishExternal(text="Checkout is slow since 14:04"))
    happened = play.do(BEN, cmd.Approve())
    assert play.of(ev.ExternalPublished, happened)[0].text == "Checkout is slow since 14:04"
    assert play.state.published == "Checkout is slow since 14:04"
    assert play.state.clocks[ClockName.EXTERNAL].kept == 1
    play.refused(BEN, cmd.Approve())


def test_resolve_ends_the_clocks_and_settles_what_is_overdue_first():
    """K7 F2"""
    play = accepted(audiences=ALL)
    play.wait(17)
    play.do(BEN, cmd.Resolve())
    assert internal(play).late == (2 * MINUTE,)
    assert play.state.clocks[ClockName.STAKEHOLDER].withdrawn == 1
    assert all(c.promise is None for c in play.state.clocks.values())
    assert play.wait(600) == []


def test_cancel_withdraws_what_is_not_due_yet():
    """F2 F6"""
    play = accepted()
    play.do(BEN, cmd.Cancel(reason="a test alert"))
    assert internal(play).withdrawn == 1
    assert play.state.postmortem is None


def test_days_in_which_nobody_told_the_time_are_one_entry_for_each_clock():
    """F2 K6"""
    play = accepted()
    before = len(play.events)
    play.sleep(3 * 24 * 60)
    (settled,) = play.of(ev.PromiseSettled)
    assert (settled.outcome, settled.count) == (Outcome.MISSED, 144)
    assert internal(play).settled == internal(play).made - 1 == internal(play).missed == 144
    assert len(play.events) - before < 20


def test_a_commander_silent_for_days_is_missed_again_and_again_and_the_bot_copes():
    """F2 K6"""
    play = accepted()
    for _ in range(3 * 24):
        play.wait(60)
    assert internal(play).missed > 140
    assert internal(play).settled == internal(play).missed


def test_every_promise_of_a_random_day_ends_once():
    """K5"""
    play = accepted()
    for minute in (3, 16, 20, 44, 2, 31, 90, 1):
        play.wait(minute)
        play.do(DEV, cmd.PostUpdate(text="x"))
    play.do(BEN, cmd.Resolve())
    made = [e.n for e in play.of(ev.PromiseMade)]
    settled = [e.n for e in play.of(ev.PromiseSettled)]
    assert made == sorted(set(made))
    assert settled == made


def test_raising_from_sev2_with_another_period_replans():
    """S3 F3"""
    policy = Policy(internal={Severity.SEV1: 5 * MINUTE, Severity.SEV2: 20 * MINUTE})
    play = Play(policy=policy)
    play.declare(2)
    assert play.due() == at(20)
    play.wait(1)
    play.do(DEV, cmd.ChangeSeverity(severity=Severity.SEV1))
    assert play.due() == at(6)
    play.do(ANN, cmd.ChangeSeverity(severity=Severity.SEV2, reason="less"))
    assert play.due() == at(6)
