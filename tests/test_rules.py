"""Every rule id can be looked up: its words and its index stand in `docs/reference/rules.md`.

An id counts where people read it: in docstrings and comments of Python files, and in the docs. Text
in backticks is set aside, since an action item is called `A1`, too; so is the family `B`, the
benches. `A1-A3` stands for all from the first to the last.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.reference.pages import PAGES, ROOT, same

PAGE = ROOT / "docs/reference/rules.md"
BEGIN, END = "<!-- begin: written by `make golden` -->", "<!-- end -->"

ID = re.compile(r"\b[AC-Z]\d{1,2}\b")
RANGE = re.compile(r"\b([AC-Z])(\d{1,2})[-\u2013]\1(\d{1,2})\b")
QUOTED = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
RULE = re.compile(r'^### <a id="(\w+)"></a>(\w+) \w', re.MULTILINE)
LINK = re.compile(r"\]\(([^)#\s]*)#([a-z]\d+)\)")

Ids = Mapping[str, frozenset[str]]
"""Files, by their path from the root, with the ids that stand in them."""


# --- where ids stand ------------------------------------------------------------------------------


def ids_in(text: str) -> frozenset[str]:
    """Return the ids in a text, the inner ones of a range included."""
    text = QUOTED.sub(" ", text)
    within = (
        f"{family}{n}"
        for family, first, last in RANGE.findall(text)
        for n in range(int(first), int(last) + 1)
    )
    return frozenset(ID.findall(text)).union(within)


def used_in(source: str) -> frozenset[str]:
    """Return the ids in a Python file's docstrings, those of fields included, and comments."""
    alone = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Expr))
    strings = (n.value for n in alone if isinstance(n, ast.Constant) and isinstance(n.value, str))
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = (token.string for token in tokens if token.type == tokenize.COMMENT)
    return frozenset().union(*map(ids_in, strings), *map(ids_in, comments))


def proved_in(source: str) -> frozenset[str]:
    """Return the ids that a file's tests carry, in their docstrings or in that of what holds them.

    An invariant that Hypothesis holds against every step is a test, too.
    """
    proving = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, proving)]
    return frozenset().union(
        *(ids_in(ast.get_docstring(node) or "") for node in nodes if any(map(_tests, _of(node))))
    )


def _of(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> Iterable:
    return ast.walk(node) if isinstance(node, ast.Module | ast.ClassDef) else [node]


def _tests(node: ast.AST) -> bool:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    calls = (d.func for d in node.decorator_list if isinstance(d, ast.Call))
    names = {call.id for call in calls if isinstance(call, ast.Name)}
    return node.name.startswith("test_") or "invariant" in names


# --- the page -------------------------------------------------------------------------------------


def rules_of(page: str) -> list[str]:
    """Return the ids of a page's rules, in its order."""
    return [id_ for _, id_ in RULE.findall(page)]


def faults_of(page: str, used: Ids, proved: Ids) -> Iterator[str]:
    """Yield what the page lacks, what it has that nothing proves, and anchors that do not fit."""
    written = rules_of(page)
    for path, ids in used.items():
        yield from (f"{path}: the page has no {id_}" for id_ in sorted(ids.difference(written)))
    carried = frozenset().union(*proved.values())
    yield from (f"no test proves {id_}" for id_ in written if id_ not in carried)
    yield from (f"{id_} is there twice" for id_ in sorted(set(written)) if written.count(id_) > 1)
    for anchor, id_ in RULE.findall(page):
        if anchor != id_.lower():
            yield f"{id_} has the anchor {anchor}"


def index_of(page: str, built: Ids, proved: Ids) -> str:
    """Return the index: each rule of a page with the files that carry it out, and its tests."""
    lines = ["| rule | code | tests |", "|---|---|---|"]
    for id_ in rules_of(page):
        code, tests = (
            "<br>".join(f"[{path}]" for path, ids in files.items() if id_ in ids)
            for files in (built, proved)
        )
        lines.append(f"| [{id_}](#{id_.lower()}) | {code or 'none'} | {tests or 'none'} |")
    shown = [path for files in (built, proved) for path, ids in files.items() if ids]
    return "\n".join([*lines, "", *(f"[{path}]: ../../{path}" for path in shown)])


# --- this repository ------------------------------------------------------------------------------


def _python(*folders: str) -> dict[str, str]:
    paths = sorted(path for folder in folders for path in ROOT.glob(f"{folder}/**/*.py"))
    return {_name(path): path.read_text("utf-8") for path in paths}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def built() -> Ids:
    """The code, with the ids that stand in it."""
    code = _python("bot", "adapters", "plugins", "storage", "bench")
    return {path: used_in(source) for path, source in code.items()}


@pytest.fixture(scope="module")
def proved() -> Ids:
    """The test files, with the ids that their tests carry."""
    tests = _python("tests")
    named = {path: source for path, source in tests.items() if Path(path).name.startswith("test_")}
    return {path: proved_in(source) for path, source in named.items()}


def test_every_id_is_on_the_page_and_every_rule_of_the_page_is_proved(built, proved):
    in_tests = {path: used_in(source) for path, source in _python("tests").items()}
    in_docs = {_name(path): ids_in(path.read_text("utf-8")) for path in PAGES}
    page = PAGE.read_text("utf-8")
    assert list(faults_of(page, {**built, **in_tests, **in_docs}, proved)) == []


def test_the_index_is_what_stands_in_code_and_tests(built, proved):
    page = PAGE.read_text("utf-8")
    prose, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    same(PAGE, f"{prose}{BEGIN}\n\n{index_of(page, built, proved)}\n\n{END}{after}")


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_links_to_rules_lead_to_one(path):
    anchors = {anchor for anchor, _ in RULE.findall(PAGE.read_text("utf-8"))}
    for target, anchor in LINK.findall(path.read_text("utf-8")):
        if (path.parent / target).resolve() == PAGE or (not target and path == PAGE):
            assert anchor in anchors, anchor


# --- the checks themselves ------------------------------------------------------------------------

SAMPLE_PAGE = """\
### <a id="k1"></a>K1 Three clocks

### <a id="k2"></a>K2 An update
"""

SAMPLE_CODE = '''\
"""Clocks (K1-K3)."""

LADDER = ()
"""The steps (F2)."""

NAME = "A1"  # of an action item, S4


def owed():
    """Return `A2`, measured by bench B3."""
    return "Z9"
'''

SAMPLE_TESTS = '''\
"""Clocks (K1)."""


def helper():
    """K7"""


async def test_an_update_keeps_the_promise():
    """K2: be it one tap"""


class Steps(RuleBasedStateMachine):
    """P1"""

    @rule()
    def wait(self):
        """P2"""

    @invariant()
    def nothing_is_lost(self):
        """D1"""


class Helpers:
    """P3"""
'''


def test_ids_are_read_from_docstrings_and_comments_alone():
    assert used_in(SAMPLE_CODE) == {"K1", "K2", "K3", "F2", "S4"}


def test_a_test_proves_and_a_helper_does_not():
    assert proved_in(SAMPLE_TESTS) == {"K1", "K2", "P1", "D1"}
    assert proved_in('"""Help (K1)."""\n\n\ndef helper():\n    """K2"""\n') == set()


def test_a_level_a_fence_and_a_longer_name_are_no_ids():
    text = "SEV1 on UTF8, `!inc A1`, RFC8058, H264\n```text\nA2 is filed\n```\n"
    assert ids_in(text) == set()


@pytest.mark.parametrize("unknown", ["K99", "Z9", "F18"])
def test_an_id_that_the_page_lacks_is_found_with_its_file(unknown):
    used = {"bot/x.py": frozenset({"K1", unknown})}
    proved = {"tests/test_x.py": frozenset({"K1", "K2"})}
    assert list(faults_of(SAMPLE_PAGE, used, proved)) == [f"bot/x.py: the page has no {unknown}"]


def test_a_rule_that_no_test_proves_is_found():
    proved = {"tests/test_x.py": frozenset({"K1"})}
    assert list(faults_of(SAMPLE_PAGE, {}, proved)) == ["no test proves K2"]


def test_a_rule_that_is_there_twice_or_under_another_anchor_is_found():
    page = f'{SAMPLE_PAGE}\n### <a id="k3"></a>K2 An update\n'
    proved = {"tests/test_x.py": frozenset({"K1", "K2"})}
    assert list(faults_of(page, {}, proved)) == ["K2 is there twice", "K2 has the anchor k3"]


def test_the_index_names_the_files_of_each_rule_in_the_order_of_the_page():
    built = {"bot/x.py": frozenset({"K2", "K1"}), "bot/y.py": frozenset({"K2"})}
    proved = {"tests/test_x.py": frozenset({"K1"}), "tests/test_y.py": frozenset()}
    assert index_of(SAMPLE_PAGE, built, proved).splitlines() == [
        "| rule | code | tests |",
        "|---|---|---|",
        "| [K1](#k1) | [bot/x.py] | [tests/test_x.py] |",
        "| [K2](#k2) | [bot/x.py]<br>[bot/y.py] | none |",
        "",
        "[bot/x.py]: ../../bot/x.py",
        "[bot/y.py]: ../../bot/y.py",
        "[tests/test_x.py]: ../../tests/test_x.py",
    ]
