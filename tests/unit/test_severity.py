from __future__ import annotations

import pytest

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.commands import ImpactAnswer
from bot.domain.impact import assessed
from bot.domain.incident import IMPACT, RESPONSE, ClockName, Kind, Phase, Severity
from tests.worlds.domain import ANN, BEN, DEV, Play, at

YES, NO, UNSURE = ImpactAnswer.YES, ImpactAnswer.NO, ImpactAnswer.UNSURE


def test_each_level_has_the_policys_texts():
    """S1"""
    assert set(IMPACT) == set(RESPONSE) == set(Severity)
    assert "data at risk" in IMPACT[Severity.SEV1]
    assert "single on-call engineer" in RESPONSE[Severity.SEV3]


@pytest.mark.parametrize(
    ("answers", "severity"),
    [
        ((YES,), Severity.SEV1),
        ((UNSURE,), Severity.SEV1),
        ((NO, YES), Severity.SEV2),
        ((NO, UNSURE), Severity.SEV2),
        ((NO, NO, YES), Severity.SEV3),
        ((NO, NO, UNSURE), Severity.SEV3),
        ((NO, NO, NO), Severity.SEV4),
        ((), None),
        ((NO,), None),
        ((NO, NO), None),
    ],
)
def test_three_questions_decide_and_unsure_counts_as_yes(answers, severity):
    """S2"""
    assert assessed(answers) == severity


def test_without_a_level_it_is_sev1_until_assessed():
    """S2"""
    play = Play()
    assert play.declare(None).severity is Severity.SEV1
    assert play.state.unassessed
    play.do(ANN, cmd.Assess(answers=(NO, YES)))
    assert play.state.severity is Severity.SEV2
    assert not play.state.unassessed


def test_assess_asks_the_next_question_while_the_answers_do_not_decide():
    """S2"""
    play = Play()
    play.declare(None)
    refusal = play.refused(ANN, cmd.Assess(answers=(NO,)))
    assert "major feature" in str(refusal)
    assert refusal.lines == ("assess no yes", "assess no no", "assess no unsure")


def test_anyone_raises_at_once_and_only_the_commander_lowers_with_a_reason():
    """S3 C5"""
    play = Play()
    play.declare(2)
    play.do(DEV, cmd.ChangeSeverity(severity=Severity.SEV1))
    assert play.state.severity is Severity.SEV1
    refusal = play.refused(DEV, cmd.ChangeSeverity(severity=Severity.SEV3, reason="less"))
    assert refusal.for_whom is not None
    assert refusal.for_whom.person == ANN
    play.refused(ANN, cmd.ChangeSeverity(severity=Severity.SEV3))
    play.do(ANN, cmd.ChangeSeverity(severity=Severity.SEV3, reason="test shop only"))
    assert play.of(ev.SeverityChanged)[-1].reason == "test shop only"


def test_assess_lowers_for_the_commander_only():
    """S3 C5"""
    play = Play()
    play.declare(1)
    play.refused(DEV, cmd.Assess(answers=(NO, NO, YES)))


def test_a_sev4_starts_no_process_and_raising_it_does():
    """S4"""
    play = Play()
    state = play.declare(4)
    assert (state.commander, dict(state.clocks), state.running) == (None, {}, False)
    play.refused(DEV, cmd.PostUpdate(text="hello"))
    play.do(DEV, cmd.ChangeSeverity(severity=Severity.SEV2))
    assert play.state.commander == DEV
    assert play.state.acting
    assert play.due() == at(15)


def test_a_sev3_has_no_commander_and_no_clock_unless_someone_sets_one():
    """S5"""
    play = Play()
    state = play.declare(3)
    assert state.commander is None
    assert play.due() is None
    play.refused(DEV, cmd.TakeCommand())
    period = at(30) - at(0)
    play.do(DEV, cmd.ChangeCadence(clock=ClockName.INTERNAL, period=period))
    assert play.due() == at(30)


def test_a_sev3_is_resolved_by_whoever_responds():
    """S5"""
    play = Play()
    play.declare(3)
    play.do(DEV, cmd.Join())
    play.do(DEV, cmd.Resolve())
    assert play.state.phase is Phase.RESOLVED
    assert play.state.postmortem is None


def test_raising_a_sev3_makes_the_raiser_acting_commander_from_now():
    """F5"""
    play = Play()
    play.declare(3)
    play.wait(60)
    happened = play.do(DEV, cmd.ChangeSeverity(severity=Severity.SEV1))
    assert play.state.commander == DEV
    assert play.of(ev.CommanderAsked, happened)[0].person == BEN
    assert play.due() == at(75)


def test_lowering_to_sev3_ends_the_clock_and_keeps_the_commander_and_what_is_owed():
    """F5"""
    play = Play()
    play.declare(1)
    play.do(BEN, cmd.AcceptCommand())
    play.do(BEN, cmd.ChangeSeverity(severity=Severity.SEV3, reason="less"))
    assert play.due() is None
    assert play.state.commander == BEN
    assert play.state.clocks[ClockName.INTERNAL].withdrawn == 1
    assert play.state.postmortem == "full"


def test_assess_within_a_quarter_of_an_hour_corrects_what_is_owed():
    """F5"""
    play = Play()
    play.declare(None)
    play.wait(14)
    play.do(ANN, cmd.Assess(answers=(NO, NO, YES)))
    assert play.state.highest is Severity.SEV3
    assert play.state.postmortem is None


def test_assess_later_than_that_leaves_the_highest_severity():
    """F5"""
    play = Play()
    play.declare(None)
    play.wait(16)
    play.do(ANN, cmd.Assess(answers=(NO, NO, YES)))
    assert play.state.highest is Severity.SEV1
    assert play.state.postmortem == "full"


def test_a_near_miss_is_resolved_from_the_start_and_owes_the_light_form():
    """F7"""
    play = Play()
    state = play.declare(None, kind=Kind.NEAR_MISS)
    assert (state.phase, state.commander, dict(state.clocks)) == (Phase.RESOLVED, None, {})
    assert state.postmortem == "light"
    assert play.wait(600) == []
    play.refused(ANN, cmd.Reopen(reason="hm"))


def test_severity_cannot_change_once_it_is_over():
    play = Play()
    play.declare(2)
    play.do(ANN, cmd.Resolve())
    play.refused(DEV, cmd.ChangeSeverity(severity=Severity.SEV1))
    play.refused(DEV, cmd.Assess(answers=(YES,)))
