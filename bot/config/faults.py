"""The faults of a section, a line each: the key, what is wrong, and what to write instead (D5).

A model's own words come from its validators; pydantic's are put into ours here, for any model. What
pydantic would take for something else (a text for a number, 1 for true) is a fault as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, PlainValidator, ValidationError, WrapValidator
from pydantic.fields import FieldInfo

from bot.contract.secrets import Revealed
from bot.likeness import nearest

S = TypeVar("S", bound=BaseModel)

Where = tuple[str | int, ...]
"""A key's place: the tables around it, its name, and its number in a list."""

_SCALARS = (str, int, float, bool)
_TRUE, _FALSE = {"1", "on", "t", "true", "y", "yes"}, {"0", "f", "false", "n", "no", "off"}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a key."""

    where: Where
    text: str

    def line(self, under: Sequence[str] = ()) -> str:
        """Return it as a line, with the name of the section that it is `under`."""
        return f"{'.'.join((*under, *map(str, self.where))) or 'the file'}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wrong:
    """What a text for a fault is made of."""

    given: object
    limits: Mapping[str, Any]
    field: FieldInfo | None
    shown: bool
    path: str

    @property
    def it(self) -> str:
        """The value, where it may be repeated: a plugin's section can hold a secret."""
        return repr(self.given) if self.shown and isinstance(self.given, _SCALARS) else "it"


def faults_in(
    model: type[S], raw: Mapping[str, Any], under: Sequence[str] = ()
) -> tuple[S | None, list[Fault]]:
    """Read a section into its model; return it, or its faults.

    `under` is the section's name if it is a plugin's: its values are not repeated then.
    """
    found = {fault.where: fault for fault in _taken_for_another(model, raw, (), under)}
    section = None
    try:
        section = model.model_validate(dict(raw))
    except ValidationError as exc:
        for error in exc.errors(include_url=False):
            fault = _fault(dict(error), model, under)
            found.setdefault(fault.where, fault)
    return (None if found else section), list(found.values())


def _fault(error: Mapping[str, Any], model: type[BaseModel], under: Sequence[str]) -> Fault:
    where = tuple(error["loc"])
    path = tuple(map(str, where))
    kind = error["type"]
    if kind == "extra_forbidden":
        known = _keys_at(model, path[:-1])
        near = nearest(path[-1], known)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(sorted(known))}"
        return Fault(where, f"unknown key; {hint}")
    wrong = _Wrong(
        given=error.get("input"),
        limits=error.get("ctx") or {},
        field=_field_at(model, path),
        shown=not under,
        path=".".join((*under, *path)),
    )
    text = TEXTS.get(kind)
    return Fault(where, text(wrong) if text is not None else _own_words(str(error["msg"]), wrong))


# --- the texts ------------------------------------------------------------------------------------


def _truth(wrong: _Wrong) -> str:
    word = str(wrong.given).strip().casefold()
    right = "true" if word in _TRUE else "false" if word in _FALSE else "true or false"
    return f"{wrong.it} is neither true nor false; write {right}, without quotes"


def _number(wrong: _Wrong, *, whole: bool) -> str:
    given = wrong.given
    typed = given.strip() if isinstance(given, str) and wrong.shown else ""
    right = re.fullmatch(r"[+-]?\d{1,18}" if whole else r"[+-]?\d{1,18}(\.\d{1,18})?", typed)
    what = "a whole number" if whole else "a number"
    return f"{wrong.it} is not {what}; write {typed if right else what}, without quotes"


def _text(wrong: _Wrong) -> str:
    number = wrong.shown and type(wrong.given) in {int, float}
    right = f'"{wrong.given}"' if number else "one"
    return f"{wrong.it} is not a text; write {right}, in quotes"


def _list(wrong: _Wrong) -> str:
    given = wrong.given
    plain = wrong.shown and isinstance(given, str) and given.isprintable() and '"' not in given
    word = f'"{given}"' if plain else "…"
    return f"{wrong.it} is not a list; write [{word}]"


def _table(wrong: _Wrong) -> str:
    return f"{wrong.it} is not a table; write [{wrong.path}] and its keys below"


def _choice(wrong: _Wrong) -> str:
    known = str(wrong.limits.get("expected", "")).replace("'", '"')
    return f"{wrong.it} is not among the choices; write {known}"


def _form(wrong: _Wrong) -> str:
    examples = (wrong.field.examples if wrong.field is not None else None) or ()
    if not examples:
        return f"{wrong.it} is not written as it must be; see the docs of this section"
    return f'{wrong.it} is not written as it must be; write it like "{examples[0]}"'


def _range(wrong: _Wrong) -> str:
    known = {name: bound for each in _metadata(wrong.field) for name, bound in _bounds(each)}
    known |= {k: v for k, v in wrong.limits.items() if k in _AT_LEAST + _AT_MOST}
    least = next((known[k] for k in _AT_LEAST if k in known), None)
    most = next((known[k] for k in _AT_MOST if k in known), None)
    if least is not None and most is not None:
        return f"{wrong.it} is out of range; write a number from {least:,} to {most:,}"
    side = f"of at least {least:,}" if least is not None else f"of at most {most:,}"
    return f"{wrong.it} is out of range; write a number {side}"


_AT_LEAST, _AT_MOST = ("ge", "gt"), ("le", "lt")


def _bounds(each: object) -> Iterator[tuple[str, Any]]:
    for name in (*_AT_LEAST, *_AT_MOST):
        if (bound := getattr(each, name, None)) is not None:
            yield name, bound


def _short(wrong: _Wrong) -> str:
    least = wrong.limits.get("min_length", 1)
    if least == 1:
        return "it is empty; write a value"
    return f"it is too short; write at least {least} characters"


def _few(wrong: _Wrong) -> str:
    return f"it names too few; name at least {wrong.limits.get('min_length', 1)}"


def _many(wrong: _Wrong) -> str:
    return f"it names too many; name at most {wrong.limits.get('max_length', 1)}"


def _long(wrong: _Wrong) -> str:
    return f"it is too long; write at most {wrong.limits.get('max_length')} characters"


def _own_words(message: str, wrong: _Wrong) -> str:
    """Return a validator's words; those of a type that is not listed lose pydantic's tone."""
    text = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if text != message:
        return text
    said = re.sub(r"^[A-Z]\w*( \w+)?? should (be |have )?", "", message)
    said = f"{said[:1].lower()}{said[1:]}"
    return f"{wrong.it} does not fit; it takes {said}" if said != message else said


TEXTS: Mapping[str, Callable[[_Wrong], str]] = {
    "missing": lambda _wrong: "missing; add it",
    **dict.fromkeys(("bool_type", "bool_parsing"), _truth),
    **dict.fromkeys(
        ("int_type", "int_parsing", "int_parsing_size", "int_from_float"),
        lambda wrong: _number(wrong, whole=True),
    ),
    **dict.fromkeys(
        ("float_type", "float_parsing", "finite_number"), lambda wrong: _number(wrong, whole=False)
    ),
    **dict.fromkeys(("string_type", "string_unicode"), _text),
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "frozen_set_type"), _list),
    **dict.fromkeys(
        ("dict_type", "model_type", "model_attributes_type", "mapping_type", "dataclass_type"),
        _table,
    ),
    **dict.fromkeys(("literal_error", "enum"), _choice),
    "string_pattern_mismatch": _form,
    **dict.fromkeys(("greater_than", "greater_than_equal", "less_than", "less_than_equal"), _range),
    "string_too_short": _short,
    "string_too_long": _long,
    "too_short": _few,
    "too_long": _many,
}
"""The text of each kind of error of pydantic's."""


# --- what pydantic would take for something else --------------------------------------------------


def _taken_for_another(
    annotation: Any,  # noqa: ANN401 - whatever a field is annotated with
    value: object,
    where: Where,
    under: Sequence[str],
) -> Iterator[Fault]:
    """Yield the texts that stand for numbers, and the numbers that stand for true or false."""
    kind, args = get_origin(annotation) or annotation, get_args(annotation)
    if kind is Annotated:
        if not any(isinstance(each, _READERS) for each in args[1:]):
            yield from _taken_for_another(args[0], value, where, under)
    elif kind in {Union, UnionType}:
        kinds = [each for each in args if each is not NoneType]
        if len(kinds) == 1:
            yield from _taken_for_another(kinds[0], value, where, under)
    elif isinstance(value, Mapping):
        for key, (inner, each) in _within(kind, args, value).items():
            yield from _taken_for_another(inner, each, (*where, key), under)
    elif isinstance(value, list) and kind in {tuple, list, set, frozenset} and args:
        for n, each in enumerate(value):
            yield from _taken_for_another(args[0], each, (*where, n), under)
    elif kind in _RIGHT and isinstance(value, _SCALARS) and type(value) not in _RIGHT[kind]:
        path = ".".join((*under, *map(str, where)))
        wrong = _Wrong(given=value, limits={}, field=None, shown=not under, path=path)
        yield Fault(where, TEXTS[f"{kind.__name__}_type"](wrong))


_READERS = (BeforeValidator, PlainValidator, WrapValidator)
"""The validators by which a field reads other values on purpose."""

_RIGHT: Mapping[type, tuple[type, ...]] = {
    # What comes from the environment or a file is always a text.
    bool: (bool, Revealed),
    int: (int, Revealed),
    float: (int, float, Revealed),
}


def _within(
    kind: Any,  # noqa: ANN401
    args: tuple[Any, ...],
    table: Mapping[str, Any],
) -> Mapping[str, tuple[Any, object]]:
    """Return the values of a table, each with what it is annotated with."""
    if kind is dict and len(args) == 2:
        return {key: (args[1], value) for key, value in table.items()}
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return {}
    checked = kind.__pydantic_decorators__.field_validators.values()
    read = {name for each in checked if each.info.mode != "after" for name in each.info.fields}
    return {
        key: (Annotated[field.annotation, *field.metadata, None], table[key])
        for key, field in kind.model_fields.items()
        if key in table and key not in read
    }


# --- looking into a model -------------------------------------------------------------------------


def _field_at(model: type[BaseModel], path: Iterable[str]) -> FieldInfo | None:
    field = None
    for part in path:
        if part in model.model_fields:
            field = model.model_fields[part]
            model = _model_in(field.annotation) or model
    return field


def _keys_at(model: type[BaseModel], path: Iterable[str]) -> set[str]:
    field = _field_at(model, path)
    inner = _model_in(field.annotation) if field is not None else None
    return set((inner or model).model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(arg) for arg in get_args(annotation))
    return next((model for model in found if model is not None), None)


def _metadata(field: FieldInfo | None) -> Sequence[object]:
    return field.metadata if field is not None else ()
