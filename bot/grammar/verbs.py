"""What people type, as data: the parser reads it, and so does `help`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a verb speaks of."""

    NEW = "new"
    INCIDENT = "incident"
    ANYWHERE = "anywhere"


class Topic(StrEnum):
    """How `help` groups the verbs."""

    START = "Start"
    KEEP = "Keep people told"
    OUTSIDE = "Follow from outside"
    COMMAND = "Command"
    WORK = "Work"
    END = "End"
    LEARN = "Learn"
    RECORD = "Record"
    READ = "Read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A verb: what is typed, an example that works, and what it does in one line.

    `changes`: it changes something, so an old one is asked about first (F11).
    """

    name: str
    form: str
    example: str
    says: str
    topic: Topic
    scope: Scope = Scope.INCIDENT
    aliases: tuple[str, ...] = ()
    changes: bool = True


VERBS: tuple[Verb, ...] = (
    Verb(
        name="declare",
        aliases=("new", "open", "start"),
        form="declare [1..4|unsure] <title> [service:<s>] [ic:@x] [impact:<line>]",
        example="declare sev2 Checkout answers 500 service:checkout",
        says="Opens an incident. Works with a title alone: SEV1 until it is assessed.",
        topic=Topic.START,
        scope=Scope.NEW,
    ),
    Verb(
        name="preview",
        form="preview [1..4|unsure] <title> [answers:<yes|no|unsure>,...] [service:<s>]",
        example="preview Checkout is slow answers:no,yes",
        says="Shows what declaring it would be; declares nothing.",
        topic=Topic.START,
        scope=Scope.ANYWHERE,
        changes=False,
    ),
    Verb(
        name="assess",
        form="assess [yes|no|unsure ...]",
        example="assess no yes",
        says="Finds the severity from impact, in up to three questions.",
        topic=Topic.START,
    ),
    Verb(
        name="drill",
        aliases=("practice",),
        form="drill [1..4|unsure] <title> [service:<s>] [ic:@x] [impact:<line>]",
        example="drill sev1 Practice: the database is gone",
        says="The whole path as practice; nothing leaves the building.",
        topic=Topic.START,
        scope=Scope.NEW,
    ),
    Verb(
        name="near-miss",
        aliases=("nearmiss",),
        form="near-miss <title> [service:<s>]",
        example="near-miss Disk at 97 % found by chance",
        says="Records what was caught before users felt it. Nobody is paged.",
        topic=Topic.START,
        scope=Scope.NEW,
    ),
    Verb(
        name="update",
        aliases=("u",),
        form="update <text>",
        example="update Rolling back release 311, 40 % of hosts done",
        says="Keeps the promise, and promises the next update.",
        topic=Topic.KEEP,
    ),
    Verb(
        name="nochange",
        aliases=("nc",),
        form="nochange",
        example="nochange",
        says="The update “Still investigating, no new findings”.",
        topic=Topic.KEEP,
    ),
    Verb(
        name="cadence",
        form="cadence <internal|external|stakeholder> <15m|1h30m> because <reason>",
        example="cadence internal 30m because waiting for the vendor",
        says="Promises another period. Longer: the commander, with a reason.",
        topic=Topic.KEEP,
    ),
    Verb(
        name="external",
        aliases=("public",),
        form="external [state:<investigating|identified>] <text> [title:<title>]",
        example="external Checkout is slow; a fix is being rolled out",
        says="Publishes on the status pages: the commander. By comms: a draft for their word. "
        "Without text: shows what could be said.",
        topic=Topic.KEEP,
    ),
    Verb(
        name="approve",
        form="approve",
        example="approve",
        says="Publishes the draft that waits. The commander's word.",
        topic=Topic.KEEP,
    ),
    Verb(
        name="reject",
        form="reject <why>",
        example="reject name no customer",
        says="Sends the draft back, with the reason.",
        topic=Topic.KEEP,
    ),
    Verb(
        name="mirror",
        form="mirror <platform>",
        example="mirror teams",
        says="Tells the incident on another platform too; commands work on both.",
        topic=Topic.KEEP,
    ),
    Verb(
        name="unmirror",
        form="unmirror <platform>",
        example="unmirror teams",
        says="Tells it there no more.",
        topic=Topic.KEEP,
    ),
    Verb(
        name="brief",
        form="brief [text]",
        example="brief Checkout is down since 14:04; a rollback is under way",
        says="Sends a summary to stakeholders. Without text: shows a draft.",
        topic=Topic.KEEP,
    ),
    Verb(
        name="subscribe",
        aliases=("follow",),
        form="subscribe [INC-n|all|postmortems] [sev1..3] [service:<s>] [to:<here|mail|address>]"
        " [digest]",
        example="subscribe sev2 service:checkout",
        says="Tells you of incidents, directly: declared, briefs, how they end.",
        topic=Topic.OUTSIDE,
        scope=Scope.ANYWHERE,
    ),
    Verb(
        name="unsubscribe",
        aliases=("unfollow",),
        form="unsubscribe [n|all]",
        example="unsubscribe 3",
        says="Ends a subscription.",
        topic=Topic.OUTSIDE,
        scope=Scope.ANYWHERE,
    ),
    Verb(
        name="subscriptions",
        form="subscriptions",
        example="subscriptions",
        says="Lists yours, and those of this conversation.",
        topic=Topic.OUTSIDE,
        scope=Scope.ANYWHERE,
        changes=False,
    ),
    Verb(
        name="shield",
        form="shield <on|off>",
        example="shield off",
        says="Whether Sitrep answers people here who ask for news and are not responding.",
        topic=Topic.OUTSIDE,
        scope=Scope.ANYWHERE,
    ),
    Verb(
        name="sev",
        aliases=("severity",),
        form="sev <1..4> [because <reason>]",
        example="sev 3 because only the test shop is affected",
        says="Raises the severity (anyone) or lowers it (the commander, with a reason).",
        topic=Topic.COMMAND,
    ),
    Verb(
        name="ic",
        aliases=("commander", "lead"),
        form="ic @x",
        example="ic @ben",
        says="Asks somebody to be incident commander.",
        topic=Topic.COMMAND,
    ),
    Verb(
        name="accept",
        form="accept",
        example="accept",
        says="Takes the command that was offered.",
        topic=Topic.COMMAND,
    ),
    Verb(
        name="decline",
        form="decline",
        example="decline",
        says="Leaves it to the next in the rotation.",
        topic=Topic.COMMAND,
    ),
    Verb(
        name="take",
        form="take ic",
        example="take ic",
        says="Takes command unasked, while it is only acting or the commander is silent.",
        topic=Topic.COMMAND,
    ),
    Verb(
        name="handoff",
        form="handoff @x",
        example="handoff @cara",
        says="Offers command to somebody; it stays yours until they accept.",
        topic=Topic.COMMAND,
    ),
    Verb(
        name="role",
        aliases=("assign",),
        form="role <scribe|comms|liaison> @x",
        example="role scribe @ann",
        says="Gives a role to somebody.",
        topic=Topic.COMMAND,
    ),
    Verb(
        name="page",
        aliases=("escalate",),
        form="page <@x|service> [reason]",
        example="page checkout the rollback needs a second pair of eyes",
        says="Calls a person, or whoever is on call for a service.",
        topic=Topic.COMMAND,
    ),
    Verb(
        name="join",
        form="join",
        example="join",
        says="Makes you a responder.",
        topic=Topic.WORK,
    ),
    Verb(
        name="leave",
        form="leave",
        example="leave",
        says="You are no responder any more.",
        topic=Topic.WORK,
    ),
    Verb(
        name="tried",
        form="tried <rollback|failover|flag|other> <text>",
        example="tried rollback release 311",
        says="Records a stabilising step.",
        topic=Topic.WORK,
    ),
    Verb(
        name="did",
        aliases=("action taken",),
        form="did <text> [by:@x]",
        example="did restarted checkout-7 by:@dev",
        says="Records what was done.",
        topic=Topic.WORK,
    ),
    Verb(
        name="saw",
        aliases=("observed",),
        form="saw <text>",
        example="saw error rate falls since 14:20",
        says="Records what was observed.",
        topic=Topic.WORK,
    ),
    Verb(
        name="decided",
        aliases=("decision",),
        form="decided <text>",
        example="decided roll back before reading the trace",
        says="Records a decision.",
        topic=Topic.WORK,
    ),
    Verb(
        name="note",
        aliases=("tl",),
        form="note <text>",
        example="note the deploy began at 13:58",
        says="Puts a line on the timeline.",
        topic=Topic.WORK,
    ),
    Verb(
        name="impact",
        form="impact <text>",
        example="impact one in three checkouts ends in an error",
        says="States who is affected and how, in one line.",
        topic=Topic.WORK,
    ),
    Verb(
        name="stabilised",
        aliases=("mitigated", "stable", "stabilized"),
        form="stabilised [text]",
        example="stabilised error rate back to 0.2 %",
        says="Users are served again; diagnosis can begin.",
        topic=Topic.END,
    ),
    Verb(
        name="resolve",
        aliases=("close", "resolved"),
        form="resolve [text]",
        example="resolve release 311 withdrawn",
        says="Ends the incident and releases the responders. The commander's word.",
        topic=Topic.END,
    ),
    Verb(
        name="reopen",
        form="reopen because <reason>",
        example="reopen because the errors are back",
        says="It is not over.",
        topic=Topic.END,
    ),
    Verb(
        name="cancel",
        form="cancel because <reason>",
        example="cancel because the alert was a test",
        says="It was a false alarm.",
        topic=Topic.END,
    ),
    Verb(
        name="pm",
        aliases=("postmortem",),
        form="pm",
        example="pm",
        says="Shows the postmortem: where it stands, and what it still needs.",
        topic=Topic.LEARN,
        changes=False,
    ),
    Verb(
        name="pm show",
        form="pm show [section]",
        example="pm show cause",
        says="Shows a section, or the whole document.",
        topic=Topic.LEARN,
        changes=False,
    ),
    Verb(
        name="pm set",
        aliases=("pm write",),
        form="pm set <section> <text>",
        example="pm set summary Every checkout ended in an error for 48 min",
        says="Writes a section: summary, impact, timeline, cause, well, poorly, lessons, authors.",
        topic=Topic.LEARN,
    ),
    Verb(
        name="pm add",
        form="pm add <section> <text>",
        example="pm add cause The canary took 1 % of traffic, too little to show it",
        says="Adds to a section.",
        topic=Topic.LEARN,
    ),
    Verb(
        name="pm keep",
        form="pm keep <section>",
        example="pm keep well",
        says="Takes a drafted section as it stands.",
        topic=Topic.LEARN,
    ),
    Verb(
        name="pm lint",
        aliases=("pm check",),
        form="pm lint",
        example="pm lint",
        says="Finds blame, blanks and weak actions; says why, and what to write.",
        topic=Topic.LEARN,
        changes=False,
    ),
    Verb(
        name="pm diff",
        form="pm diff [version]",
        example="pm diff",
        says="Shows what a version changed; without one, the last.",
        topic=Topic.LEARN,
        changes=False,
    ),
    Verb(
        name="pm history",
        aliases=("pm versions",),
        form="pm history",
        example="pm history",
        says="Lists the versions: who wrote what, when.",
        topic=Topic.LEARN,
        changes=False,
    ),
    Verb(
        name="pm schedule",
        form="pm schedule <date> <time>",
        example="pm schedule 2026-12-01 14:00",
        says="Sets when the review is held, and invites everybody who took part.",
        topic=Topic.LEARN,
    ),
    Verb(
        name="pm unschedule",
        form="pm unschedule",
        example="pm unschedule",
        says="Calls the meeting off.",
        topic=Topic.LEARN,
    ),
    Verb(
        name="pm held",
        form="pm held",
        example="pm held",
        says="Records that the review was held.",
        topic=Topic.LEARN,
    ),
    Verb(
        name="pm review",
        form="pm review",
        example="pm review",
        says="Hands the draft to its reviewers.",
        topic=Topic.LEARN,
    ),
    Verb(
        name="pm waive",
        form="pm waive <finding> because <reason>",
        example="pm waive 3 because one query, one index: nothing else took part",
        says="Lets a warning stand, with a reason. The postmortem's owner.",
        topic=Topic.LEARN,
    ),
    Verb(
        name="pm finalise",
        aliases=("pm finalize", "pm final"),
        form="pm finalise",
        example="pm finalise",
        says="Ends the review, publishes it and closes the incident. The postmortem's owner.",
        topic=Topic.LEARN,
    ),
    Verb(
        name="pm draft",
        form="pm draft [because <reason>]",
        example="pm draft because the cause was another one",
        says="Takes it back to a draft.",
        topic=Topic.LEARN,
    ),
    Verb(
        name="pm owner",
        form="pm owner @x",
        example="pm owner @cara",
        says="Hands the postmortem over.",
        topic=Topic.LEARN,
    ),
    Verb(
        name="pm start",
        form="pm start because <reason>",
        example="pm start because the third one this month",
        says="Starts one that no rule asks for: a SEV3's, a drill's.",
        topic=Topic.LEARN,
    ),
    Verb(
        name="action",
        aliases=("todo",),
        form="action <text> owner:@x due:<date> as:<eliminate|detect|recover|train|care>"
        " [category:<prevent|detect|mitigate>]",
        example="action Page when no order came for 3 min owner:@dev due:2026-12-15 as:detect",
        says="Adds an action item; its ticket is filed by itself.",
        topic=Topic.LEARN,
    ),
    Verb(
        name="action done",
        form="action done <n>",
        example="action done 2",
        says="Records that it is done.",
        topic=Topic.LEARN,
    ),
    Verb(
        name="action move",
        form="action move <n> due:<date> because <reason>",
        example="action move 2 due:2026-12-22 because the vendor delivers on the 18th",
        says="Promises another date, with a reason where it is later.",
        topic=Topic.LEARN,
    ),
    Verb(
        name="action edit",
        aliases=("action change",),
        form="action edit <n> [text] [owner:@x] [due:<date>] [as:<strength>]",
        example="action edit 2 owner:@cara",
        says="Changes what it says, who does it, how durable it is.",
        topic=Topic.LEARN,
    ),
    Verb(
        name="action drop",
        form="action drop <n> because <reason>",
        example="action drop 3 because the service is switched off in January",
        says="Says that it will not be done, and why.",
        topic=Topic.LEARN,
    ),
    Verb(
        name="action reopen",
        form="action reopen <n>",
        example="action reopen 2",
        says="It is to be done after all.",
        topic=Topic.LEARN,
    ),
    Verb(
        name="actions",
        form="actions [INC-n|overdue|mine|all]",
        example="actions overdue",
        says="Lists action items.",
        topic=Topic.LEARN,
        scope=Scope.ANYWHERE,
        changes=False,
    ),
    Verb(
        name="amend",
        form="amend <n> <text>",
        example="amend 7 error rate 12 %, not 21 %",
        says="Puts a timeline entry right; the record keeps the original.",
        topic=Topic.RECORD,
    ),
    Verb(
        name="redact",
        form="redact <n>",
        example="redact 7",
        says="Removes an entry's text everywhere, for good.",
        topic=Topic.RECORD,
    ),
    Verb(
        name="status",
        aliases=("info",),
        form="status",
        example="status",
        says="Shows where it stands.",
        topic=Topic.READ,
        changes=False,
    ),
    Verb(
        name="timeline",
        form="timeline",
        example="timeline",
        says="Shows what happened, with the number of each entry.",
        topic=Topic.READ,
        changes=False,
    ),
    Verb(
        name="who",
        form="who",
        example="who",
        says="Shows who commands, who responds, who was asked.",
        topic=Topic.READ,
        changes=False,
    ),
    Verb(
        name="score",
        form="score",
        example="score",
        says="Shows how a drill went: what was late, what was missing.",
        topic=Topic.READ,
        changes=False,
    ),
    Verb(
        name="list",
        form="list [open|owing|all]",
        example="list open",
        says="Lists incidents.",
        topic=Topic.READ,
        scope=Scope.ANYWHERE,
        changes=False,
    ),
    Verb(
        name="help",
        aliases=("?",),
        form="help [verb|all]",
        example="help declare",
        says="Shows what can be typed.",
        topic=Topic.READ,
        scope=Scope.ANYWHERE,
        changes=False,
    ),
)
"""Every verb, in the order that `help` shows them."""

BY_WORD: dict[str, Verb] = {word: verb for verb in VERBS for word in (verb.name, *verb.aliases)}
"""Every word that can be typed for a verb; some are two."""

FAMILIES: frozenset[str] = frozenset(word.partition(" ")[0] for word in BY_WORD if " " in word)
"""The first words of two-word verbs."""
