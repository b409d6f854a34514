"""Every list is read from an index of its project's own rows, in the order that is asked for.

With other ways to sort or to read a table forbidden, what is left shows whether such an index exists, and whether
another one could be taken for it: an index of all projects' rows in the same order would be, where statistics let it
look cheap, and then a list reads past every newer row of all others.
"""

import re

import pytest
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext

from media_app import search as search_reads
from media_app.models import File, Media, SearchText
from media_app.services.indexing import written
from media_app.tests.factories import make_file
from orgs_app.models import Project
from orgs_app.tests.factories import bearer_header, make_api_key, make_project
from tasks_app.models import Task
from tasks_app.services import task_claim
from tasks_app.tests.factories import make_task
from workflows_app.tests.factories import make_automation

LISTS = {
    "/tasks": "task_created",
    "/tasks?order=asc": "task_created",
    "/tasks?sort=updated": "task_updated",
    "/tasks?sort=filesize": "task_largest",
    "/tasks?sort=filesize&order=asc": "task_smallest",
    "/tasks?kind=image": "task_kind",
    "/tasks?status=completed": "task_of_status",
    "/files": "file_project_created",
    "/files?sort=updated": "file_project_updated",
    "/files?sort=filesize": "file_project_filesize",
    "/files?kind=image": "file_project_kind",
    "/files?status=ready": "file_project_status",
    "/files?object=source": "file_project_object",
    "/files?ref=poster": "file_project_ref",
    "/sources": "file_project_object",
    "/media": "media_project_created",
    "/media?kind=image": "media_project_kind",
    "/media?sort=updated": "media_project_updated",
    "/automations": "automation_created",
    "/automations?sort=updated": "automation_updated",
    "/automations?status=active": "automation_of_status",
}

ENDED = "2025-01-01T00:00:00Z"


@pytest.fixture
def client(db):
    project = make_project()
    source = make_file(project=project, ref="poster")
    for _ in range(3):
        make_task(source=source)
        make_automation(project=project)
    Task.objects.update(status="ready", output_size=1, finished_at=ENDED)
    _crowd(project, source)
    _, secret = make_api_key(project=project)
    return Client(headers={**bearer_header(secret), "Accept-Version": "2025-08-20"})


def _crowd(project: Project, source: File) -> None:
    """So many others of another kind that reading past them costs something, and statistics that say so: of two indexes
    that cost the same either may be taken."""
    media = Media.objects.bulk_create(Media(project=project, kind="audio") for _ in range(200))
    File.objects.bulk_create(
        File(project=project, media=each, object="track", kind="audio", status="failed") for each in media
    )
    Task.objects.bulk_create(
        Task(
            project=project,
            kind="audio",
            source=source,
            status="cancelled",
            definition={},
            options={},
            finished_at=ENDED,
        )
        for _ in range(200)
    )
    _say(project, media)
    _count(Media, File, Task, SearchText)


def _say(project: Project, media: list[Media]) -> None:
    SearchText.objects.bulk_create(
        SearchText(project=project, media=each, kind="speech", weight=1, words=written(["other", "words"], project.pk))
        for each in media
    )


def _count(*models: type[Model]) -> None:
    with connection.cursor() as cursor:
        for model in models:
            cursor.execute(f"ANALYZE {model._meta.db_table}")
        if connection.vendor == "postgresql":  # what autovacuum does; entries that wait count as cost
            cursor.execute("SELECT gin_clean_pending_list('searchtext_words')")


@pytest.fixture
def library(client):
    """So many media that no way past all of them comes near the price of an index's. What an index costs PostgreSQL
    depends on the pages that rows of other tests, gone since, have left behind: with a few hundred either is taken."""
    project = Project.objects.get()
    _say(project, Media.objects.bulk_create(Media(project=project, kind="video") for _ in range(4000)))
    _count(Media, SearchText)
    return client


def plan(sql: str, *, without: tuple[str, ...] = ("seqscan", "bitmapscan", "sort", "incremental_sort")) -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for way in without:
                cursor.execute(f"SET LOCAL enable_{way} = off")
            cursor.execute(f"EXPLAIN {sql}".replace("%", "%%"), [])
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}".replace("%", "%%"), [])
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


@pytest.mark.parametrize(("path", "index"), LISTS.items())
def test_a_list_is_read_from_its_projects_index(client, path, index):
    client.get(path)  # the first use of a key is noted
    with CaptureQueriesContext(connection) as captured:
        assert len(client.get(path).json()) > 0
    table = "file" if path == "/sources" else path[1:5]
    listed = re.compile(rf'FROM "[a-z]+_app_{table}[a-z]*" .*ORDER BY .*LIMIT')
    [rows] = [one["sql"] for one in captured.captured_queries if listed.search(one["sql"])]
    found = plan(rows)
    # SQLite's index of rows with a value last is a plain one, which it can read from either end.
    either = {"task_largest": "task_largest|task_smallest", "task_smallest": "task_largest|task_smallest"}
    assert re.search(rf"\b({either.get(index, index) if connection.vendor == 'sqlite' else index})\b", found), found
    assert "TEMP B-TREE" not in found, found


@pytest.mark.usefixtures("client")
def test_the_task_that_a_worker_takes_next_is_read_from_the_queues_own_index():
    Task.objects.filter(status="cancelled").update(status="queued", lane="fast", finished_at=None)
    _count(Task)
    with CaptureQueriesContext(connection) as captured:
        assert task_claim(lane="fast") is not None
    [row] = [one["sql"] for one in captured.captured_queries if "ORDER BY" in one["sql"]]
    found = plan(row.split(" FOR NO KEY UPDATE")[0].split(" FOR UPDATE")[0])
    assert re.search(r"\btask_due\b", found), found
    assert "TEMP B-TREE" not in found, found


@pytest.mark.parametrize("sort", ["relevance", "created", "updated"])
@pytest.mark.parametrize("search", ["boats", '"fishing boats" -dawn har*'])
def test_a_search_is_answered_by_the_index_of_words(library, monkeypatch, search, sort):
    monkeypatch.setattr(search_reads, "FEW", -1)  # as if each word were a common one
    with CaptureQueriesContext(connection) as captured:
        library.get("/media", query_params={"search": search, "sort": sort})
    [rows] = [one["sql"] for one in captured.captured_queries if "UNION ALL" in one["sql"] or "GROUP BY" in one["sql"]]
    found = plan(rows, without=("seqscan",))
    terms = rows.count("MAX(passage.weight)") + rows.count("-1000")
    if connection.vendor == "postgresql":
        assert "Seq Scan on media_app_searchtext" not in found, found
        assert found.count("searchtext_words") == terms, found
    else:
        assert found.count("SCAN indexed VIRTUAL TABLE INDEX") == terms, found
        assert found.count("SEARCH passage USING INTEGER PRIMARY KEY") == terms, found


def test_beside_a_rare_word_common_ones_are_looked_for_in_its_media_alone(library, monkeypatch):
    monkeypatch.setattr(search_reads, "FEW", 10)
    media = Media.objects.filter(kind="audio").first()
    SearchText.objects.create(
        project=media.project, media=media, kind="media", weight=4, words=written(["harbour"], media.project_id)
    )
    with CaptureQueriesContext(connection) as captured:
        assert len(library.get("/media", query_params={"search": "other harbour -boats"}).json()) == 1
    [rows] = [one["sql"] for one in captured.captured_queries if "UNION ALL" in one["sql"]]
    found = plan(rows, without=("seqscan",))
    if connection.vendor == "postgresql":
        assert "searchtext_words" not in found, found
        assert found.count("media_app_searchtext_media_id") == 3, found
    else:
        assert found.count("MATERIALIZE own") == 3, found
        assert found.count("SEARCH media_app_searchtext USING INDEX media_app_searchtext_media_id") == 3, found
        assert "SEARCH passage USING INTEGER PRIMARY KEY" not in found, found


def test_what_a_search_has_found_is_read_by_its_ids(library):
    media = list(Media.objects.filter(kind="audio")[:20])
    SearchText.objects.bulk_create(
        SearchText(
            project_id=each.project_id, media=each, kind="media", weight=4, words=written(["boats"], each.project_id)
        )
        for each in media
    )
    if connection.vendor == "sqlite":  # as the service has it: it takes no statistics
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM sqlite_stat1")
            cursor.execute("ANALYZE sqlite_schema")
    with CaptureQueriesContext(connection) as captured:
        assert len(library.get("/media?search=boats").json()) == 20
    [rows] = [one["sql"] for one in captured.captured_queries if 'FROM "media_app_media"' in one["sql"]]
    found = plan(rows, without=("seqscan",))
    assert re.search(r"media_app_media_pkey|media_app_media_id_\w+_like|sqlite_autoindex_media_app_media_1", found), (
        found
    )
