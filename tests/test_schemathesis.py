"""schemathesis on every document: whatever it makes up, the service answers as that version's document says.

In this process, over WSGI, with rows of every resource; the same cases each time, unless `--hypothesis-profile=new`
asks for others. The delivery paths have a server of their own, and bodies that are no JSON: they are tested by hand
(media_app/tests/test_delivery.py).
"""

import itertools
import os
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from schemathesis.config import (
    ChecksConfig,
    CoveragePhaseConfig,
    ExamplesPhaseConfig,
    GenerationConfig,
    PhasesConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
)
from schemathesis.generation import GenerationMode
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.pytest._test_builder import build_operation_test
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance

from ittyhost.api.versions import Version, all_versions
from tests.documents import document
from tests.rows import Rows, fill

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "2"))  # for each operation, beside those at the edges
EDGES = 120  # cases at the edges of schemas that are made up for each operation, right ones and wrong ones
ALL_OF = 25  # of them, these are all tried, and every sixth beyond, which are much alike: option after option

SETTINGS = hypothesis.settings(max_examples=EXAMPLES, suppress_health_check=list(hypothesis.HealthCheck))

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.hypothesis]


def config(*, examples: bool) -> SchemathesisConfig:
    """Every check that means something here; nothing is random, but where new examples are asked for."""
    generation = GenerationConfig(
        max_examples=EXAMPLES,
        deterministic=SETTINGS.derandomize,
        database="none",
        allow_extra_parameters=False,  # unknown query parameters mean nothing, and are let be
        with_security_parameters=False,  # each request has a key; the check `ignored_auth` asks without
    )
    project = ProjectConfig(
        checks=ChecksConfig(),
        generation=generation,
        phases=PhasesConfig(
            examples=ExamplesPhaseConfig(enabled=examples),
            coverage=CoveragePhaseConfig(enabled=False),  # `edges` has a bounded number of them
        ),
    )
    return SchemathesisConfig(projects=ProjectsConfig(default=project))


def is_first_of_its_shapes(version: Version) -> bool:
    """The bodies of the others are the same."""
    return next(one for one in all_versions() if one.shapes == version.shapes) is version


def operations() -> list[Any]:
    """Every method of every path of every version, but for paths with a server of their own.

    Versions with the same bodies differ in headers and in what is around the bodies, which no database changes.
    """
    return [
        pytest.param(
            version,
            method.upper(),
            path,
            marks=[] if is_first_of_its_shapes(version) else [pytest.mark.any_database],
        )
        for version in all_versions()
        for path, item in document(version)["paths"].items()
        if "servers" not in item
        for method in item
    ]


@cache
def loaded(version: Version) -> BaseSchema:
    """The document, less what is not tried: another version than this has another document."""
    written = deepcopy(document(version))
    for item in written["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict) and "parameters" in operation:
                operation["parameters"] = [one for one in operation["parameters"] if one["name"] != "Accept-Version"]
    # The documents of versions with the same bodies show the same examples.
    schema = schemathesis.openapi.from_dict(written, config=config(examples=is_first_of_its_shapes(version)))
    schema.app = get_wsgi_application()
    return schema


@pytest.fixture
def rows(db: None) -> Iterator[Rows]:
    """Rows in this test's transaction, which requests must not end by closing connections that look old to them."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield fill()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize(
    ("version", "method", "path"), operations(), ids=lambda value: str(value).replace("/", "-").strip("-")
)
def test_answers_are_as_documented(version: Version, method: str, path: str, rows: Rows, settings: Any) -> None:
    settings.API_DEFAULT_VERSION = version.name  # refusals of strangers are in its form, too

    def answers(case: Any) -> None:
        if case.meta is None or case.meta.generation.mode is GenerationMode.POSITIVE:
            case.path_parameters = rows.real_ids(case.path_parameters)
        # Which options go together no schema says: a body that fits may still be refused, in words.
        excluded = [positive_data_acceptance] if case.operation.body else []
        headers = {"Authorization": f"Bearer {rows.secret}"}
        case.call_and_validate(headers=headers, excluded_checks=excluded)

    schema = loaded(version)
    operation = schema[path][method]
    for case in edges(operation, EDGES if is_first_of_its_shapes(version) else EDGES // 6):
        answers(case)
    build_operation_test(
        config=schema.config,
        operation=operation,
        test_func=answers,
        explicit_settings=SETTINGS,
        given_kwargs={},
        feedback=NO_FEEDBACK,
    )()


def edges(operation: Any, number: int) -> Iterator[Any]:
    """Cases at the edges of what the schemas of an operation allow, on both sides."""
    for mode in GenerationMode:
        cases = operation.schema.iter_coverage_cases(
            operation,
            generation_modes=[mode],
            generation_config=operation.schema.config.generation_for(operation=operation, phase="coverage"),
            extra_data_source=None,
            error_feedback=None,
        )
        for position, case in enumerate(itertools.islice(cases, number)):
            if position < ALL_OF or position % 6 == 0:
                yield case
