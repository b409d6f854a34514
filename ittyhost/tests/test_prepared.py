"""A prepared look-up finds what the ORM finds."""

import threading

import pytest
from django.db import connection
from django.db.models import Q

from ittyhost.prepared import Prepared
from orgs_app.models import ApiKey, Project
from orgs_app.tests.factories import make_api_key, make_project

BY_NAME = Prepared(lambda names: ApiKey.objects.select_related("project__organisation").filter(name__in=names))


def rows(found):
    objects = [found, found.project, found.project.organisation]
    return [{field.attname: getattr(item, field.attname) for field in item._meta.concrete_fields} for item in objects]


@pytest.mark.django_db
def test_it_finds_the_same_row_and_what_it_follows(django_assert_num_queries):
    make_api_key(name="other")
    key, _ = make_api_key(name="wanted", project=make_project(storage_quota=5, is_private=True))
    by_orm = ApiKey.objects.select_related("project__organisation").get(pk=key.pk)
    with django_assert_num_queries(1):
        found = BY_NAME.first(["wanted"])
        assert rows(found) == rows(by_orm)
    assert (found, found._state.adding, found._state.db, type(found.scopes)) == (key, False, "default", list)
    assert found.created.tzinfo is not None
    found.save()


@pytest.mark.django_db
def test_it_takes_any_number_of_values_and_may_find_nothing():
    key, _ = make_api_key(name="wanted")
    assert BY_NAME.first(["a", "wanted", "b"]) == key
    assert BY_NAME.first(["a"]) is BY_NAME.first(["a", "b"]) is None
    key.delete()
    assert BY_NAME.first(["wanted"]) is None


@pytest.mark.django_db(transaction=True)
def test_threads_share_it():
    make_api_key(name="wanted")
    found = []

    def look():
        found.append(BY_NAME.first(["wanted"]))
        connection.close()

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert None not in found


@pytest.mark.django_db
@pytest.mark.parametrize(
    "build",
    [
        lambda values: Project.objects.filter(Q(name=values[0]) & Q(storage_used=5)),
        lambda values: Project.objects.filter(name__contains=values[0]),
    ],
)
def test_what_it_could_not_fill_in_is_refused(build):
    with pytest.raises(ValueError, match="takes its values as they are"):
        Prepared(build).first(["a"])
