"""Documentation that is true: generated pages, links, hooks, and the session of the README."""

from __future__ import annotations

import inspect
import re
from dataclasses import is_dataclass

import pytest

from adapters.console.render import as_text
from bot.contract import Hooks
from bot.domain.durations import parse_duration
from bot.grammar.verb import Topic
from bot.grammar.verbs import VERBS
from bot.testing import RecordingAdapter, stage
from tests.reference import contract_page, permissions_page
from tests.reference.pages import PAGES, ROOT, same


def test_the_page_of_verbs_is_the_grammar():
    lines = [
        "# What people type",
        "",
        "One grammar on every platform. A command begins with `!inc` (or `!incident`), or a",
        "mention of the bot; in a direct conversation with it, with nothing. Inside an incident's",
        "conversation no id is needed; elsewhere it comes first: `!inc INC-42 update …`. Durations",
        "are `15m`, `1h30m`; times are UTC. This page is generated from the grammar.",
        "",
    ]
    for topic in Topic:
        lines += [f"## {topic.value}", "", "| say | also | does |", "|---|---|---|"]
        for verb in VERBS:
            if verb.topic is topic:
                form = verb.form.replace("|", "\\|")
                also = ", ".join(verb.aliases)
                says = f"{verb.says} For example: `!inc {verb.example}`"
                lines.append(f"| `{form}` | {also} | {says} |")
        lines.append("")
    same(ROOT / "docs/reference/commands.md", "\n".join(lines))


def test_the_page_of_permissions_is_the_table():
    """F8"""
    same(ROOT / "docs/reference/permissions.md", permissions_page.page())


def test_the_page_of_hooks_is_the_contract():
    same(ROOT / "docs/reference/plugins.md", contract_page.page())


EXPLAINS_ITSELF = {
    *("conversation", "sender", "sender_name", "author", "author_name", "invite", "to", "person"),
    *("written_at", "marked_at", "noticed_at", "moved_at", "began_at", "at", "when", "due"),
    *("title", "text", "subject", "topic", "label", "name", "value", "url", "markdown", "type"),
    *("state", "severity", "phase", "service", "impact", "people", "precision", "files"),
    *("spans", "rows", "items", "buttons", "inputs"),
}


def test_every_field_of_the_contract_is_explained_or_explains_itself():
    for module in contract_page.TOPICS.values():
        for value in contract_page.values(module) if module.startswith("bot.contract") else ():
            fields = value.__dataclass_fields__ if is_dataclass(value) else ()
            assert {*fields} - {*contract_page.field_docs(value)} <= EXPLAINS_ITSELF, value


def test_every_hook_is_one_sentence_at_least_and_typed():
    for name, function in vars(Hooks).items():
        if not name.startswith("_"):
            assert inspect.getdoc(function), name
            assert "return" in function.__annotations__, name


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


async def test_the_session_of_the_readme_is_what_happens(tmp_path):
    readme = ROOT / "README.md"
    text = readme.read_text("utf-8")
    match = re.search(r"## A session.*?```text\n(.*?)```", text, re.DOTALL)
    assert match is not None
    script = [line for line in match[1].splitlines() if line and not line.startswith("[")]
    lines: list[str] = []
    chat = RecordingAdapter()
    async with stage(tmp_path, chat=chat) as bot:
        for step in script:
            heard = len(chat.done)
            lines.append(step)
            if step.startswith("…"):
                await bot.pass_time(parse_duration(step.split()[1]))
            else:
                who, _, rest = step.partition("@")
                room, _, said = rest.partition(": ")
                await bot.say(who, said, room=room)
            for posted in sorted(chat.done[heard:], key=lambda p: p.conversation):
                if posted.kind == "post" and not posted.text.startswith("INC-1 ·"):
                    room = posted.conversation
                    lines.append(as_text(room, bot.clock.now(), posted.message, "", edit=False))
    same(readme, text.replace(match[1], "\n".join(lines) + "\n"))


def test_the_readme_names_the_two_commands():
    text = (ROOT / "README.md").read_text("utf-8")
    assert "make run" in text
    assert "make test" in text
