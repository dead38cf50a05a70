"""What the public is told: states that follow the phase, words agreed before, a last word (X2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.config.load import parse
from bot.contract.errors import ConfigError
from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.incident import ClockName, Role, Severity
from bot.domain.policy import Plan
from bot.domain.publication import ComponentState, Moment, PublicState
from tests.worlds.domain import ALL, ANN, BEN, CARA, DEV, Play

MINUTE = timedelta(minutes=1)
PLAN = Plan(
    service="checkout",
    name="Checkout",
    comms=DEV,
    components=("checkout", "api"),
    external={Severity.SEV1: 30 * MINUTE, Severity.SEV2: 30 * MINUTE},
)


def begun(severity: Severity | None = Severity.SEV1, plan: Plan = PLAN, **more) -> Play:
    play = Play(audiences=ALL, plan=plan, **more)
    play.declare(severity=severity, service="checkout", commander=ANN)
    return play


def states(play: Play) -> list[PublicState]:
    return [each.state for each in play.state.publications]


def test_a_first_text_is_offered_at_once_to_be_published_in_one_word():
    """X1 X2"""
    play = begun()
    draft = play.state.draft
    assert draft.by is None
    assert draft.text == "We are investigating problems with Checkout, known since 14:00 UTC."
    assert (draft.title, draft.components) == ("Problems with Checkout", ("checkout", "api"))
    assert play.state.publications == ()
    play.refused(DEV, cmd.Approve())
    play.do(ANN, cmd.Approve())
    (published,) = play.state.publications
    assert (published.text, published.state) == (draft.text, PublicState.INVESTIGATING)
    assert published.health is ComponentState.MAJOR
    assert play.state.draft is None


@pytest.mark.parametrize("severity", [Severity.SEV3, Severity.SEV4])
def test_nothing_is_offered_for_what_needs_no_commander(severity):
    play = begun(severity)
    assert play.state.draft is None


def test_raising_to_a_sev2_offers_a_first_text_too_and_lowering_does_not_again():
    """X2"""
    play = begun(Severity.SEV3)
    play.do(BEN, cmd.ChangeSeverity(severity=Severity.SEV2))
    assert play.state.draft.by is None
    play.do(BEN, cmd.RejectDraft(reason="not yet"))
    play.do(BEN, cmd.ChangeSeverity(severity=Severity.SEV3, reason="few"))
    assert play.state.draft is None


def test_states_follow_the_phase():
    """X2"""
    play = begun()
    play.do(ANN, cmd.PublishExternal(text="Slow"))
    play.do(BEN, cmd.TryStep(step=cmd.Step.ROLLBACK, text="311"))
    play.do(ANN, cmd.PublishExternal(text="Found"))
    play.do(ANN, cmd.Stabilise())
    play.do(ANN, cmd.PublishExternal(text="Watching"))
    play.do(ANN, cmd.Resolve(text="the intern's name"))
    play.do(ANN, cmd.Reopen(reason="again"))
    assert states(play) == [
        PublicState.INVESTIGATING,
        PublicState.IDENTIFIED,
        PublicState.MONITORING,
        PublicState.MONITORING,
        PublicState.RESOLVED,
        PublicState.INVESTIGATING,
    ]
    assert [each.health for each in play.state.publications] == [
        ComponentState.MAJOR,
        ComponentState.MAJOR,
        ComponentState.DEGRADED,
        ComponentState.DEGRADED,
        ComponentState.OPERATIONAL,
        ComponentState.MAJOR,
    ]
    assert not any("intern" in each.text for each in play.state.publications)


def test_what_was_identified_stays_so():
    play = begun()
    play.do(ANN, cmd.PublishExternal(text="Found", state=PublicState.IDENTIFIED))
    play.do(ANN, cmd.PublishExternal(text="Mending"))
    assert states(play)[1] is PublicState.IDENTIFIED


@pytest.mark.parametrize("state", [PublicState.MONITORING, PublicState.RESOLVED])
def test_a_page_cannot_say_what_the_incident_is_not(state):
    """D5"""
    play = begun()
    play.refused(ANN, cmd.PublishExternal(text="x", state=state))
    play.do(ANN, cmd.Stabilise())
    if state is PublicState.MONITORING:
        play.refused(ANN, cmd.PublishExternal(text="x", state=PublicState.IDENTIFIED))


def test_a_change_of_phase_by_another_is_a_draft_for_the_commander():
    """X2 C5: nothing goes out without the commander's word, be it agreed before"""
    play = begun()
    play.do(ANN, cmd.PublishExternal(text="Slow"))
    play.do(BEN, cmd.Stabilise())
    assert len(play.state.publications) == 1
    assert play.state.draft.state is PublicState.MONITORING
    play.do(ANN, cmd.Approve())
    assert states(play)[-1] is PublicState.MONITORING


def test_a_draft_from_before_is_published_in_the_phase_of_its_approval():
    play = begun()
    play.do(DEV, cmd.PublishExternal(text="Slow"))
    play.do(ANN, cmd.Stabilise())
    play.do(ANN, cmd.Approve())
    assert states(play) == [PublicState.MONITORING]


def test_nothing_that_was_never_told_of_is_called_resolved():
    play = begun()
    play.do(ANN, cmd.Stabilise())
    play.do(ANN, cmd.Resolve())
    assert play.state.publications == ()


@pytest.mark.parametrize(
    "end", [cmd.Cancel(reason="a test"), cmd.ChangeSeverity(severity=Severity.SEV4, reason="no")]
)
def test_whatever_ends_an_incident_ends_it_on_the_page(end):
    """F6"""
    play = begun()
    play.do(ANN, cmd.PublishExternal(text="Slow"))
    play.do(ANN, end)
    assert states(play)[-1] is PublicState.RESOLVED
    assert not play.state.public


def test_a_ticket_that_becomes_an_incident_again_is_told_of_again():
    play = begun()
    play.do(ANN, cmd.PublishExternal(text="Slow"))
    play.do(ANN, cmd.ChangeSeverity(severity=Severity.SEV4, reason="no"))
    assert states(play)[-1] is PublicState.RESOLVED
    play.do(BEN, cmd.ChangeSeverity(severity=Severity.SEV1))
    assert play.state.draft.text == "The problem with Checkout is back. We are investigating."
    play.do(ANN, cmd.Approve())
    assert states(play)[-1] is PublicState.INVESTIGATING


def test_the_publication_keeps_the_clock_and_not_the_draft():
    """X2 F1 K7"""
    play = begun()
    play.do(DEV, cmd.PublishExternal(text="Slow"))
    assert play.state.clocks[ClockName.EXTERNAL].kept == 0
    play.wait(5)
    play.do(ANN, cmd.Approve())
    clock = play.state.clocks[ClockName.EXTERNAL]
    assert clock.kept == 1
    assert clock.promise.due_at - play.now == timedelta(minutes=30)
    happened = play.do(ANN, cmd.Resolve())
    kinds = [type(event) for event in happened]
    assert kinds.index(ev.ExternalPublished) < kinds.index(ev.Resolved)
    assert play.state.clocks[ClockName.EXTERNAL].promise is None
    assert play.state.clocks[ClockName.EXTERNAL].withdrawn == 1


def test_only_the_commander_changes_what_is_public():
    """X2"""
    play = begun()
    play.do(DEV, cmd.PublishExternal(text="Slwo"))
    play.do(ANN, cmd.Approve())
    entry = play.state.publications[0].entry
    (published,) = play.of(ev.ExternalPublished)
    play.refused(DEV, cmd.Amend(entry=entry, text="Slow"), entry=replace(published, by=DEV))
    play.do(ANN, cmd.Amend(entry=entry, text="Slow"), entry=published)
    assert play.state.publications[0].text == play.state.published == "Slow"
    play.do(ANN, cmd.Redact(entry=entry), entry=published)
    assert play.state.publications[0].text == ev.REDACTED


def test_a_rejected_offer_goes_back_to_whoever_speaks_outside():
    play = begun()
    (rejected,) = play.do(ANN, cmd.RejectDraft(reason="name no hour"))
    assert rejected.author == DEV
    play = begun(plan=Plan(external={Severity.SEV1: 30 * MINUTE}))
    (rejected,) = play.do(ANN, cmd.RejectDraft(reason=None))
    assert rejected.author is None


def test_words_are_those_of_the_severity_the_plan_or_built_in():
    """X1"""
    plan = Plan(
        service="checkout",
        components=("shop",),
        templates={
            None: {
                Moment.INVESTIGATING: "{service}/{components}/{since}/{impact}",
                Moment.TITLE: "{service} fails",
            },
            Severity.SEV2: {Moment.INVESTIGATING: "Some of {components}"},
        },
        external={Severity.SEV1: 30 * MINUTE, Severity.SEV2: 30 * MINUTE},
    )
    play = begun(plan=plan)
    assert play.state.draft.text == "Checkout/shop/14:00 UTC/"
    assert play.state.draft.title == "Checkout fails"
    assert begun(Severity.SEV2, plan=plan).state.draft.text == "Some of shop"
    assert play.do(ANN, cmd.Approve())[0].title == "Checkout fails"


def test_somebody_who_listens_starts_the_briefs():
    """H1 K1"""
    play = Play(audiences=ALL - {ClockName.STAKEHOLDER}, plan=PLAN)
    play.declare(severity=Severity.SEV1, commander=ANN)
    play.refused(ANN, cmd.SendBrief(text="x"))
    play.setting = replace(play.setting, audiences=ALL)
    (made,) = play.do(CARA, cmd.OpenAudience())
    assert made.clock is ClockName.STAKEHOLDER
    assert play.do(CARA, cmd.OpenAudience()) == []
    play.do(ANN, cmd.AssignRole(role=Role.LIAISON, person=CARA))
    play.do(CARA, cmd.SendBrief(text="x"))


@pytest.mark.parametrize(
    ("template", "says"),
    [
        (
            'monitoring = "{impact} is over"',
            "{impact} is not a field here; the fields are {components}",
        ),
        (
            'investigating = "{severity}"',
            "{severity} is not a field here; the fields are {components}",
        ),
        ('title = " "', "says nothing; leave it out"),
        ('resolved = "{service"', "has a brace that is not a field"),
        ('over = "x"', "unknown key"),
        ('sev1 = { resolved = "{x}" }', "{x} is not a field here"),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused_before_any_incident(template, says):
    """D5 X1"""
    with pytest.raises(ConfigError) as refused:
        parse(f"[services.checkout]\ntemplates = {{ {template} }}", {})
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        ('status_pages = ["pgae"]', "no plugin 'pgae' is configured; add [plugins.pgae]"),
        ('audiences = { sev1 = ["@zoe"] }', "nobody is called 'zoe'; add [people.zoe]"),
        ('audiences = { sev1 = ["board@example.com"] }', "set stakeholders.url"),
        ('audiences = { sev2 = ["teams:19:x"] }', "is not an audience; write @ann, a mail address"),
    ],
)
def test_a_plan_that_leads_nowhere_is_refused(plan, says):
    """D5 X1"""
    with pytest.raises(ConfigError) as refused:
        parse(f"[services.checkout]\n{plan}", {})
    assert says in str(refused.value)
