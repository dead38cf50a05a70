from __future__ import annotations

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.incident import NEXT, Phase
from tests.worlds.domain import ANN, DEV, Play, at


def test_phases_go_forward_and_reopen_goes_back():
    """T1"""
    play = Play()
    play.declare(1)
    play.do(DEV, cmd.Stabilise(text="error rate is down"))
    assert play.state.phase is Phase.STABILISED
    play.refused(DEV, cmd.Stabilise())
    play.do(ANN, cmd.Resolve())
    assert play.state.phase is Phase.RESOLVED
    play.refused(ANN, cmd.Resolve())
    play.do(ANN, cmd.Reopen(reason="back"))
    assert play.state.phase is Phase.INVESTIGATING
    play.refused(ANN, cmd.Reopen(reason="again"))
    play.do(ANN, cmd.Cancel(reason="no"))
    assert play.state.phase is Phase.CANCELLED


def test_no_phase_is_a_dead_end():
    """T1"""
    assert all(NEXT[phase] for phase in Phase)


def test_resolve_implies_stabilised_at_that_time():
    """F6"""
    play = Play()
    play.declare(1)
    play.wait(7)
    happened = play.do(ANN, cmd.Resolve())
    assert play.of(ev.Stabilised, happened)[0].implied
    assert play.state.stabilised_at == play.state.resolved_at == at(7)


def test_cancel_and_reopen_need_a_reason():
    play = Play()
    play.declare(1)
    assert play.refused(ANN, cmd.Cancel()).lines == ("cancel because <reason>",)
    play.do(ANN, cmd.Resolve())
    assert play.refused(ANN, cmd.Reopen()).lines == ("reopen because <reason>",)
