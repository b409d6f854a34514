"""Rows of this app for everyone's tests."""

from typing import Any

from orgs_app.models import ApiKey, Organisation, Project
from orgs_app.services import api_key_create, organisation_create, project_create


def make_organisation(name: str = "Harbour Films") -> Organisation:
    return organisation_create(name=name)


def make_project(*, organisation: Organisation | None = None, **fields: Any) -> Project:
    """A project in an organisation of its own unless one is given; `fields` are set as they are."""
    project = project_create(organisation=organisation or make_organisation(), name=fields.pop("name", "Website"))
    for name, value in fields.items():
        setattr(project, name, value)
    if fields:
        project.save()
    return project


def make_api_key(*, project: Project | None = None, **options: Any) -> tuple[ApiKey, str]:
    """A key and its secret, with every scope, in a project of its own unless one is given."""
    return api_key_create(project=project or make_project(), **{"name": "test", **options})


def bearer_header(secret: str) -> dict[str, str]:
    """For the test client: `client.get(path, headers=bearer_header(secret))`."""
    return {"Authorization": f"Bearer {secret}"}
