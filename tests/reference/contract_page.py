"""The plugin contract as a page: read from `bot/contract/` and `bot/plugin_kit/`."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Callable
from enum import Enum
from itertools import pairwise
from types import ModuleType
from typing import Any

from bot import contract, plugin_kit
from bot.contract import Hooks
from bot.plugin_manager import REGISTERING

OPTIONAL = (contract.Checkable, contract.BackedUp, contract.Redrawable)
CONTEXT = (contract.PluginContext, contract.Clock, contract.Memory)
TOPICS = {
    "Chat": "bot.contract.chat",
    "Messages": "bot.contract.messages",
    "Status pages": "bot.contract.status_pages",
    "Tickets": "bot.contract.trackers",
    "Paging": "bot.contract.paging",
    "Stakeholders": "bot.contract.stakeholders",
    "Postmortems": "bot.contract.documents",
    "Context": "bot.contract.context",
    "References": "bot.refs",
    "Incidents": "bot.domain",
}
"""The values of the contract, by where they stand."""


def page() -> str:
    """Return `docs/reference/plugins.md`."""
    lines = [
        "# The plugin contract",
        "",
        "How to write one: [Write a plugin](../how-to/write-a-plugin.md). This page is generated",
        "from `bot/contract/` and `bot/plugin_kit/`; import the contract's names from",
        "`bot.contract`. An id like X2 names a [rule of the workflow](rules.md).",
        "",
        "## Hooks",
        "",
        inspect.getdoc(Hooks),
        "",
    ]
    for name, function in vars(Hooks).items():
        if not name.startswith("_"):
            lines += [f"### `{_signature(name, function)}`", "", inspect.getdoc(function), ""]
    lines += ["## Objects", "", _paragraph(contract.__doc__.split("\n\n", 2)[2]), ""]
    for kind in (*REGISTERING.values(), *OPTIONAL, *CONTEXT):
        lines += _object(kind)
    lines += ["## Values", "", "All are frozen; a field without a default must be given.", ""]
    for topic, module in TOPICS.items():
        lines += [f"### {topic}", ""]
        for value in values(module):
            lines += _value(value)
        for function in _functions(module):
            said = _paragraph(inspect.getdoc(function))
            lines += [f"`{_signature(function.__name__, function)}`: {said}", ""]
    lines += ["## Errors", ""]
    for error in _exported(lambda kind: isinstance(kind, type) and issubclass(kind, Exception)):
        lines.append(f"- `{error.__name__}`: {_paragraph(inspect.getdoc(error))}")
    lines += ["", "## Kit", "", inspect.getdoc(plugin_kit), ""]
    for module in _kit():
        lines += [f"### `{module.__name__}`", "", inspect.getdoc(module), ""]
        for name, member in vars(module).items():
            here = getattr(member, "__module__", "") == module.__name__ and name[0] != "_"
            if here or (callable(member) and name in getattr(module, "__all__", ())):
                lines += _kit_member(name, member)
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _exported(wanted: Callable[[object], bool]) -> list[Any]:
    return [each for name in contract.__all__ if wanted(each := getattr(contract, name))]


def values(module: str) -> list[type]:
    """Return the dataclasses and enums of the contract that stand in a module, as ordered there."""
    found = _exported(
        lambda kind: (
            isinstance(kind, type)
            and kind.__module__.startswith(module)
            and (dataclasses.is_dataclass(kind) or issubclass(kind, Enum))
        )
    )
    return sorted(found, key=lambda kind: (kind.__module__, inspect.getsourcelines(kind)[1]))


def _functions(module: str) -> list[Any]:
    found = _exported(lambda each: inspect.isfunction(each) and each.__module__ == module)
    return sorted(found, key=lambda function: inspect.getsourcelines(function)[1])


def _object(kind: type) -> list[str]:
    lines = [f"### `{kind.__name__}`", "", inspect.getdoc(kind), ""]
    docs = field_docs(kind)
    lines += [f"- `{name}: {kind.__annotations__[name]}`: {docs[name]}" for name in docs]
    for name, member in vars(kind).items():
        if inspect.isfunction(member) and not name.startswith("_"):
            lines.append(f"- `{_signature(name, member)}`: {_paragraph(member.__doc__)}")
        elif isinstance(member, property):
            lines.append(f"- `{name}`: {_paragraph(member.__doc__)}")
    return [*lines, ""]


def _value(kind: type) -> list[str]:
    lines = [f"**`{kind.__name__}`**: {_paragraph(inspect.getdoc(kind))}", ""]
    if issubclass(kind, Enum):
        values = ", ".join(f"`{each.name}`" for each in kind)
        return [*lines, f"- {values}", ""]
    docs = field_docs(kind)
    for each in dataclasses.fields(kind):
        if each.name == "type":
            continue  # the name of the kind, in what is stored
        default = ""
        if each.default is not dataclasses.MISSING:
            default = (
                f" = {each.default!s}" if isinstance(each.default, Enum) else f" = {each.default!r}"
            )
        elif each.default_factory is not dataclasses.MISSING:
            default = f" = {each.default_factory()!r}"
        said = f": {docs[each.name]}" if each.name in docs else ""
        lines.append(f"- `{each.name}: {each.type}{default}`{said}")
    return [*lines, ""]


def field_docs(kind: type) -> dict[str, str]:
    """Return the texts that stand under a class's fields."""
    (found,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    return {
        field.target.id: _paragraph(text.value.value)
        for field, text in pairwise(found.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }


def _kit() -> list[ModuleType]:
    names = sorted(each.name for each in pkgutil.iter_modules(plugin_kit.__path__))
    return [importlib.import_module(f"bot.plugin_kit.{name}") for name in names]


def _kit_member(name: str, member: object) -> list[str]:
    if inspect.isfunction(member):
        return [f"- `{_signature(name, member)}`: {_paragraph(inspect.getdoc(member))}"]
    if not inspect.isclass(member):
        return []
    lines = [f"- `{name}`: {_paragraph(inspect.getdoc(member))}"]
    for method, function in vars(member).items():
        if inspect.isfunction(function) and not method.startswith("_"):
            lines.append(f"  - `{_signature(method, function)}`: {_paragraph(function.__doc__)}")
    return lines


def _signature(name: str, function: object) -> str:
    signature = inspect.signature(function)
    kept = [_without_address(p) for p in signature.parameters.values() if p.name != "self"]
    text = str(signature.replace(parameters=kept)).replace("'", "")
    prefix = "async " if inspect.iscoroutinefunction(function) else ""
    return f"{prefix}{name}{text}"


class _Elided:
    def __repr__(self) -> str:
        return "…"


def _without_address(parameter: inspect.Parameter) -> inspect.Parameter:
    """Leave out a default that is a function: its text has an address that each run changes."""
    if inspect.isfunction(parameter.default):
        return parameter.replace(default=_Elided())
    return parameter


def _paragraph(text: str | None) -> str:
    return " ".join((text or "").split())
