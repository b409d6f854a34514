"""One sentence that names the field, out of what serializers and pydantic models say about a body."""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError as OptionsError
from rest_framework.exceptions import ErrorDetail

from ittyhost.errors import Invalid

NON_FIELD = "non_field_errors"

# DRF speaks of "this field"; an answer without the form beside it must say which.
_SENTENCES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), sentence)
    for pattern, sentence in (
        (r"This (?:field|value|list|dictionary|selection) (?P<rest>.+)", "{param} {rest}"),
        (r"Ensure this value is less than or equal to (?P<n>\S+)\.", "{param} must be at most {n}."),
        (r"Ensure this value is greater than or equal to (?P<n>\S+)\.", "{param} must be at least {n}."),
        (r"Ensure this field has no more than (?P<n>\d+) (?P<what>\w+)\.", "{param} must have at most {n} {what}."),
        (r"Ensure this field has at least (?P<n>\d+) (?P<what>\w+)\.", "{param} must have at least {n} {what}."),
        (r"Ensure that there are no more than (?P<rest>.+)", "{param} must have no more than {rest}"),
        (r"A valid (?P<what>\w+) is required\.", "{param} must be a valid {what}."),
        (r"Not a valid string\.", "{param} must be a string."),
        (r"Must be a valid boolean\.", "{param} must be true or false."),
        (r"String value too large\.", "{param} is too long."),
        (r"Expected a list of items but got type .*", "{param} must be an array."),
        (r"Expected a dictionary of items but got type .*", "{param} must be an object."),
        (r"Invalid data\. Expected a dictionary, but got .*", "{param} must be an object."),
        (r"Enter a valid URL\.", "{param} must be a URL."),
        (r"(?P<value>\".*\") is not a valid choice\.", "{param} does not allow {value}."),
    )
)


_WRITTEN = re.compile(r"[a-z_][a-z0-9_]*")
_TYPES = frozenset({"int", "float", "str", "bool", "none", "list", "dict", "tuple"})


def first_error(detail: Any, path: tuple[str, ...] = ()) -> tuple[str, str | None]:
    """The first sentence in a DRF error detail, and the dotted path of its field; None when no field is at fault."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            if inner:
                return first_error(inner, path if name == NON_FIELD else (*path, str(name)))
    elif isinstance(detail, list | tuple):
        for index, inner in enumerate(detail):
            if inner:
                # A list of texts is several errors of one field; a list of anything else has one entry per item.
                return first_error(inner, path if isinstance(inner, str) else (*path, str(index)))
    param = ".".join(path) or None
    return sentence(str(detail) if isinstance(detail, ErrorDetail | str) else "Invalid.", param), param


def sentence(message: str, param: str | None) -> str:
    """The message with its field named in it."""
    if param is None:
        return message
    for pattern, form in _SENTENCES:
        match = pattern.fullmatch(message)
        if match:
            return form.format(param=param, **match.groupdict())
    if re.search(rf"(?<![\w.]){re.escape(param)}(?![\w])", message):
        return message
    return f"{param}: {message[:1].lower()}{message[1:]}"


def refused_options(error: OptionsError, *, prefix: Iterable[str] = ()) -> Invalid:
    """What a pydantic model says, as a refusal that names the option: `output.width must be at most 3840.`"""
    problems = error.errors(include_url=False)
    first = _steps(problems[0])
    param = ".".join([*prefix, *first]) or None
    # A value that fits none of several types has one error for each of them.
    sentences = [_option_sentence(problem, param or "The body") for problem in problems if _steps(problem) == first]
    return Invalid(_either(sentences), param=param)


def _steps(problem: Any) -> list[str]:
    """The path as the client wrote it: without the types that pydantic adds where several are allowed."""
    path = list(problem["loc"])
    # What is not known ends in a name that the client chose: `fileName` is no type.
    own = [str(path.pop())] if problem["type"] == "extra_forbidden" else []
    steps = [step for step in path if not isinstance(step, str) or _WRITTEN.fullmatch(step)]
    return [str(step) for position, step in enumerate(steps) if position == 0 or step not in _TYPES] + own


def _either(sentences: list[str]) -> str:
    """`a must be 1 or 2.` out of `a must be 1.` and `a must be 2.`"""
    different = list(dict.fromkeys(sentences))
    start = f"{different[0].partition(' must be ')[0]} must be "
    if len(different) > 1 and all(text.startswith(start) for text in different):
        return start + " or ".join(text.removeprefix(start).rstrip(".") for text in different) + "."
    return different[0]


# How a check of ours says what is wrong with an option, whose name goes before it.
_PREDICATES = ("must ", "may ", "is ", "cannot ", "needs ")


def _option_sentence(error: Any, param: str) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "missing":
            return f"{param} is required."
        case "extra_forbidden":
            return f"{param} is not an option here. Leave it out, or check how it is spelled."
        case "less_than_equal":
            return f"{param} must be at most {context['le']}."
        case "greater_than_equal":
            return f"{param} must be at least {context['ge']}."
        case "less_than":
            return f"{param} must be less than {context['lt']}."
        case "greater_than":
            return f"{param} must be greater than {context['gt']}."
        case "literal_error" | "enum":
            return f"{param} must be one of {context['expected']}."
        case "int_type" | "int_parsing" | "int_from_float":
            return f"{param} must be a whole number."
        case "float_type" | "float_parsing" | "finite_number":
            return f"{param} must be a number."
        case "string_type":
            return f"{param} must be a string."
        case "bool_type" | "bool_parsing":
            return f"{param} must be true or false."
        case "list_type" | "tuple_type":
            return f"{param} must be an array."
        case "dict_type" | "model_type" | "model_attributes_type":
            return f"{param} must be an object."
        case "string_too_long":
            return f"{param} must have at most {context['max_length']} characters."
        case "string_too_short" | "too_short" if context["min_length"] == 1:
            return f"{param} must not be empty."
        case "string_too_short":
            return f"{param} must have at least {context['min_length']} characters."
        case "too_long":
            return f"{param} must have at most {context['max_length']} items."
        case "too_short":
            return f"{param} must have at least {context['min_length']} items."
        case "value_error" | "assertion_error":
            text, own = str(context.get("error", error["msg"])).rstrip(".") + ".", param.rpartition(".")[2]
            if text.startswith((f"{own} ", *_PREDICATES)):
                return f"{param} {text.removeprefix(f'{own} ')}"
            return sentence(text, param)
    message = str(error["msg"])
    return f"{param}: {message[:1].lower()}{message[1:].rstrip('.')}."
