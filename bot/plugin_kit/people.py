"""People of a platform as `[people.<key>]` sections of the config, ready to paste."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bot.contract.chat import Addressee

LONGEST_KEY, LONGEST_NAME = 40, 120
"""The longest key and name that are printed: longer ones are cut."""

_LETTERS = str.maketrans(
    {"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "ł": "l", "þ": "th"}
)
"""Letters of Latin scripts that are no letter with an accent."""

HEAD = (
    "Paste these into the config. The key is what people type: shorten it as you like.",
    "Add commander = true to whoever is trained to take command.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPerson:
    """Somebody whom a platform knows."""

    name: str
    """The platform's name for them; it may contain anything."""
    user: str | None
    """Their id there, as the config has it; `None` if it could not be found."""
    mail: str | None = None
    remark: str = ""
    """A remark for the person who pastes the section."""


def people_sections(found: Iterable[FoundPerson], adapter: str, known: Sequence[Addressee]) -> str:
    """Return people as TOML; whom the config has already (`known`) only as a comment."""
    lines = [f"# {line}" for line in HEAD]
    keys: set[str] = {person.person for person in known}
    for each in sorted(found, key=_order):
        there = next((person for person in known if _is_same(each, person)), None)
        lines.append("")
        if there is not None:
            rest = _lacking(each, there, adapter)
            lines.append(f"# {_label(each)} is [people.{there.person}] already{rest}")
            continue
        key = key_for(each.name, each.mail or each.user or "", taken=keys)
        keys.add(key)
        lines += _section(key, each, adapter, known)
    return "\n".join(lines) + "\n"


def _order(found: FoundPerson) -> tuple[str, str]:
    return _shown(found.name).casefold(), found.user or found.mail or ""


def _section(
    key: str, found: FoundPerson, adapter: str, known: Sequence[Addressee]
) -> Iterator[str]:
    name = _shown(found.name)
    yield f"[people.{key}]"
    yield f"name = {_quoted(name or key)}"
    if found.mail:
        yield f"mail = {_quoted(found.mail)}"
    users = f"users = {{ {adapter} = {_quoted(found.user or '…')} }}"
    yield users if found.user else f"# {users}"
    if found.remark:
        yield f"# {_shown(found.remark)}"
    for person in known:
        if name and _shown(person.name).casefold() == name.casefold():
            yield f"# The same as [people.{person.person}]? Then add mail and users there instead."


def _is_same(found: FoundPerson, known: Addressee) -> bool:
    """Return whether the config has somebody: by their id, or, where there is none, their mail."""
    if found.user is not None and known.user is not None:
        return found.user == known.user.id
    return bool(found.mail and known.mail and found.mail.casefold() == known.mail.casefold())


def _lacking(found: FoundPerson, known: Addressee, adapter: str) -> str:
    """Return what the section of somebody lacks whom their mail has shown to be the same."""
    if known.user is not None or found.user is None:
        return ""
    return f", but for users = {{ {adapter} = {_quoted(found.user)} }}"


def _label(found: FoundPerson) -> str:
    where = found.user or found.mail or ""
    return f"{_shown(found.name)} ({_shown(where)})"


def key_for(name: str, otherwise: str, *, taken: Iterable[str]) -> str:
    """Return a key of the config that nobody has: of a name, else of an address or id.

    It is a bare key of TOML: letters, digits and dashes, whatever script the name is written in.
    """
    local = re.split(r"[@:]", otherwise.removeprefix("@"), maxsplit=1)[0]
    key = _plain(name) or _plain(local) or "person"
    found, n, used = key, 1, {each.casefold() for each in taken}
    while found in used:
        n += 1
        found = f"{key}-{n}"
    return found


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    bare = "".join(c for c in apart if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]+", "-", bare).strip("-")[:LONGEST_KEY].strip("-")


def _shown(text: str) -> str:
    """Return a name on one line, without what a terminal or a reader could be fooled with."""
    clear = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(clear.split())[:LONGEST_NAME]


def _quoted(text: str) -> str:
    """Return a string of TOML: JSON's escapes are among its own, but for one character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def name_of_mail(address: str) -> str:
    """Return the name that a mail address suggests: `ann.lee@example.com` is Ann Lee."""
    parts = re.split(r"[._+-]+", address.partition("@")[0])
    return " ".join(part.capitalize() for part in parts if part)
