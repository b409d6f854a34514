"""Pages, sorts, filters and totals of lists."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ittyhost.api import paging
from ittyhost.api.paging import PageRequest, count, ordering, paginate
from orgs_app.models import ApiKey, Organisation, Project
from orgs_app.tests.factories import make_api_key, make_project

G1, G4 = "2024-03-21", "2025-08-20"


@pytest.fixture
def make_things(db):
    def make(number, name="Old"):
        start = timezone.now().replace(microsecond=0)
        return Organisation.objects.bulk_create(
            Organisation(name=f"{name}", created=start + timedelta(seconds=index), updated=start - timedelta(index))
            for index in range(number)
        )

    return make


def test_the_first_page_in_2024_03_21(api, key_and_secret, make_things):
    things = make_things(18)
    response = api("get", "/things", version=G1)
    body = response.json()
    key = key_and_secret[0]
    assert response.status_code == 200
    assert body["meta"] == {
        "id": response.headers["X-Request-Id"],
        "method": "GET",
        "url": "/things",
        "version": G1,
        "status": 200,
        "org_id": key.project.organisation.public_id,
        "project_id": key.project.public_id,
        "live_mode": True,
        "type": "list",
        "total": 18,
        "limit": 12,
        "page": 1,
        "pages": 2,
    }
    assert list(body["meta"])[-4:] == ["total", "limit", "page", "pages"]
    assert [item["id"] for item in body["data"]] == [thing.public_id for thing in reversed(things)][:12]
    assert body["links"] == {"self": "/things", "next": "/things?page=2", "prev": None}
    assert list(body) == ["meta", "data", "links"]
    assert "Links" not in response.headers


def test_the_last_page_in_2024_03_21(api, make_things):
    make_things(18)
    body = api("get", "/things?limit=12&name=old&page=2", version=G1).json()
    assert len(body["data"]) == 6
    assert body["links"] == {
        "self": "/things?limit=12&name=old&page=2",
        "next": None,
        "prev": "/things?limit=12&name=old&page=1",
    }


def test_the_first_page_in_2025_08_20(api, make_things):
    things = make_things(21)
    response = api("get", "/things", version=G4)
    assert [item["id"] for item in response.json()] == [thing.public_id for thing in reversed(things)][:20]
    links = (
        '<https://api.example.test/things>; rel="self", '
        '<https://api.example.test/things?page=1>; rel="first", '
        '<https://api.example.test/things?page=2>; rel="next", '
        '<https://api.example.test/things?page=2>; rel="last"'
    )
    assert (response.headers["Links"], response.headers["Link"]) == (links, links)


def test_a_middle_page_in_2025_08_20(api, make_things):
    make_things(5)
    response = api("get", "/things?page=2&limit=2", version=G4)
    assert len(response.json()) == 2
    assert response.headers["Links"] == (
        '<https://api.example.test/things?page=2&limit=2>; rel="self", '
        '<https://api.example.test/things?limit=2&page=1>; rel="first", '
        '<https://api.example.test/things?limit=2&page=1>; rel="prev", '
        '<https://api.example.test/things?limit=2&page=3>; rel="next", '
        '<https://api.example.test/things?limit=2&page=3>; rel="last"'
    )


def test_an_empty_list_in_each_version(api):
    body = api("get", "/things", version=G1).json()
    assert (body["data"], body["meta"]["total"], body["meta"]["pages"]) == ([], 0, 0)
    assert body["links"] == {"self": "/things", "next": None, "prev": None}
    response = api("get", "/things", version=G4)
    assert response.content == b"[]"
    assert response.headers["Links"] == (
        '<https://api.example.test/things>; rel="self", <https://api.example.test/things?page=1>; rel="first", '
        '<https://api.example.test/things?page=1>; rel="last"'
    )


def test_past_the_end_is_empty_and_leads_back(api, make_things):
    make_things(3)
    body = api("get", "/things?page=100000000&limit=2", version=G1).json()
    assert (body["data"], body["meta"]["total"], body["meta"]["page"]) == ([], 3, 100000000)
    assert body["links"] == {"self": "/things?page=100000000&limit=2", "next": None, "prev": "/things?limit=2&page=2"}


def test_links_keep_what_they_do_not_know_and_quote_it(api, make_things):
    make_things(3)
    links = api("get", "/things?limit=1&x=a%26b%3E&y=&page=1", version=G1).json()["links"]
    assert links["next"] == "/things?limit=1&x=a%26b%3E&y=&page=2"
    header = api("get", '/things?limit=1&x="%3E;<a>', version=G4).headers["Links"]
    assert '<https://api.example.test/things?limit=1&x=%22%3E%3B%3Ca%3E&page=2>; rel="next"' in header


@pytest.mark.parametrize(
    ("query", "message", "param"),
    [
        ("page=0", "page must be from 1 to 100000000, not 0.", "page"),
        ("page=100000001", "page must be from 1 to 100000000, not 100000001.", "page"),
        ("page=-1", "page must be a whole number from 1 to 100000000.", "page"),
        ("page=two", "page must be a whole number from 1 to 100000000.", "page"),
        ("page=", "page must be a whole number from 1 to 100000000.", "page"),
        ("page=1.0", "page must be a whole number from 1 to 100000000.", "page"),
        ("page=%D9%A3", "page must be a whole number from 1 to 100000000.", "page"),
        ("page=" + "9" * 30, "page must be a whole number from 1 to 100000000.", "page"),
        ("limit=0", "limit must be from 1 to 100, not 0.", "limit"),
        ("limit=101", "limit must be from 1 to 100, not 101.", "limit"),
        ("limit=+5", "limit must be a whole number from 1 to 100.", "limit"),
        ("sort=name", "sort must be one of created, updated.", "sort"),
        ("order=up", "order must be one of desc, asc.", "order"),
        ("page=1&page=2", "page must be given once, not 2 times.", "page"),
        ("limit=5&limit=5", "limit must be given once, not 2 times.", "limit"),
        ("sort=created&sort=updated", "sort must be given once, not 2 times.", "sort"),
        ("order=asc&order=desc&order=", "order must be given once, not 3 times.", "order"),
        ("name=old&name=new", "name must be given once, not 2 times.", "name"),
        ("name=newest", "name must be one of old, new.", "name"),
    ],
)
def test_each_bad_parameter_is_named(api, query, message, param):
    response = api("get", f"/things?{query}", version=G4)
    assert (response.status_code, response.json()) == (
        400,
        {"message": message, "kind": "request_invalid", "param": param},
    )


def test_lists_are_sorted_and_filtered(api, make_things):
    old, new = make_things(3), make_things(2, name="New")

    def ids(query):
        return [item["id"] for item in api("get", f"/things?{query}", version=G4).json()]

    oldest_first = [thing.public_id for thing in old]
    assert ids("name=old&order=asc") == oldest_first
    assert ids("name=old&sort=updated") == oldest_first
    assert ids("name=old&sort=updated&order=asc") == oldest_first[::-1]
    assert ids("name=new&order=asc") == [thing.public_id for thing in new]


def test_rows_without_a_value_come_last_either_way(db):
    keys = [make_api_key()[0] for _ in range(3)]
    used = timezone.now()
    ApiKey.objects.filter(pk=keys[0].pk).update(last_used_at=used)
    ApiKey.objects.filter(pk=keys[1].pk).update(last_used_at=used - timedelta(1))

    def rows(descending):
        wanted = PageRequest(number=1, limit=10, sort="last_used_at", descending=descending)
        return [key.pk for key in paginate(ApiKey.objects.all(), wanted).rows]

    assert rows(True) == [keys[0].pk, keys[1].pk, keys[2].pk]
    assert rows(False) == [keys[1].pk, keys[0].pk, keys[2].pk]


def test_a_field_that_always_has_a_value_is_ordered_as_its_index_is(db):
    wanted = PageRequest(number=1, limit=10, sort="created", descending=True)
    assert ordering(Project.objects.all(), wanted) == ["-created", "-pk"]


def test_totals_are_exact_to_a_limit_and_kept_for_a_while_beyond(db, monkeypatch):
    monkeypatch.setattr(paging, "EXACT_TOTAL", 3)
    cache.clear()
    organisation = make_project().organisation
    make_project(organisation=organisation)
    queryset = Project.objects.filter(organisation=organisation)
    assert count(queryset) == 2
    make_project(organisation=organisation)
    assert count(queryset) == 3
    make_project(organisation=organisation)
    assert count(queryset) == 4
    make_project(organisation=organisation)
    assert count(queryset) == 4
    assert count(Project.objects.exclude(pk="x").filter(organisation=organisation)) == 5
    assert count(Project.objects.none()) == 0
    cache.clear()
    assert count(queryset) == 5


def test_a_total_that_is_kept_costs_no_query(db, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(paging, "EXACT_TOTAL", 1)
    organisation = make_project().organisation
    make_project(organisation=organisation)
    cache.clear()
    with django_assert_num_queries(2):  # whether there are many, and how many
        count(organisation.projects.all())
    with django_assert_num_queries(0):
        assert count(organisation.projects.all()) == 2


def test_a_page_deep_in_a_list_is_read_by_its_keys(make_things, monkeypatch, django_assert_num_queries):
    things = make_things(7)
    monkeypatch.setattr(paging, "DEEP", 4)
    wanted = PageRequest(number=3, limit=2, sort="created", descending=False)
    with django_assert_num_queries(3) as queries:  # the total; the keys; the rows
        assert paginate(Organisation.objects.all(), wanted).rows == things[4:6]
    assert queries[1]["sql"].split(" FROM ")[0] == 'SELECT "orgs_app_organisation"."id" AS "pk"'
    last = PageRequest(number=4, limit=2, sort="created", descending=False)
    assert paginate(Organisation.objects.all(), last).rows == things[6:]


def test_a_page_far_past_a_kept_total_reads_nothing(make_things, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(paging, "EXACT_TOTAL", 3)
    cache.clear()
    make_things(5)
    count(Organisation.objects.all())
    with django_assert_num_queries(0):
        page = paginate(Organisation.objects.all(), PageRequest(number=100, limit=2, sort="created", descending=True))
    assert (page.rows, page.info.total) == ([], 5)
    make_things(4)
    late = PageRequest(number=4, limit=2, sort="created", descending=True)  # after the five that were counted
    assert len(paginate(Organisation.objects.all(), late).rows) == 2


def test_counting_never_reads_past_the_limit(db):
    with CaptureQueriesContext(connection) as queries:
        count(Project.objects.order_by("name"))
    assert len(queries) == 1
    assert "LIMIT 10001" in queries[0]["sql"]
    assert "ORDER BY" not in queries[0]["sql"]


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("limit=5", 3),  # key with project and organisation; rows; total
        ("limit=6", 2),  # all rows are on the first page
        ("limit=2&page=2", 3),
        ("limit=2&page=4", 2),  # past the end of a known total there is nothing to read
    ],
)
def test_a_list_needs_few_queries(api, make_things, django_assert_num_queries, query, number):
    make_things(5)
    api("get", "/things")  # the first use of a key is noted
    with django_assert_num_queries(number):
        assert api("get", f"/things?{query}").json()["meta"]["total"] == 5
