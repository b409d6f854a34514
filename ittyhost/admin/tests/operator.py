"""What tests of admin pages need: someone who may see them, and how many queries a page takes."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse


def make_operator(*permissions: str, name: str = "olga") -> Any:
    """A staff user with these permissions (`tasks_app.view_task`); with none named, with all."""
    user = get_user_model().objects.create(username=name, is_staff=True, is_superuser=not permissions)
    for permission in permissions:
        app, _, codename = permission.partition(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return user


def sign_in(user: Any | None = None) -> Client:
    """A browser in which an operator is signed in."""
    client = Client()
    client.force_login(user or make_operator())
    return client


def list_path(model: Any, query: str = "") -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") + query


def page_path(obj: Any, name: str = "change", *more: str) -> str:
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_{name}", args=[obj.pk, *more])


def text(client: Client, path: str) -> str:
    """A page that must be there."""
    response = client.get(path)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def queries(client: Client, path: str) -> int:
    """How many queries a page takes, once what is kept in memory is there."""
    text(client, path)
    with CaptureQueriesContext(connection) as captured:
        text(client, path)
    return len(captured)


def told(response: Any) -> list[str]:
    """The messages that an answer leads to."""
    return [str(message) for message in response.context["messages"]]
