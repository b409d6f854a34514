"""The table of what is searched, and its index, which each database has in its own way.

On SQLite triggers keep the table of FTS5 in step with every row that comes or goes, cascades included. Whoever has
Django make `media_app_searchtext` anew there must make the triggers anew: it drops them with the old table.
"""

import django.db.models.deletion
from django.db import migrations, models

import media_app.models

POSTGRESQL = (
    # Every search goes through the list of pending entries (kB): with a short one hours of speech are written in a third
    # of the time that they take without, and found as fast.
    "CREATE INDEX searchtext_words ON media_app_searchtext USING gin (words) "
    "WITH (fastupdate = on, gin_pending_list_limit = 512)",
)
# `ascii` parts words at spaces, and leaves what is no ASCII alone: words come as media_app.terms made them.
SQLITE = (
    """
    CREATE VIRTUAL TABLE media_app_searchtext_words USING fts5(
        project_id, words, content='media_app_searchtext', content_rowid='id', tokenize='ascii'
    )
    """,
    """
    CREATE TRIGGER media_app_searchtext_added AFTER INSERT ON media_app_searchtext BEGIN
        INSERT INTO media_app_searchtext_words (rowid, project_id, words)
        VALUES (new.id, new.project_id, new.words);
    END
    """,
    """
    CREATE TRIGGER media_app_searchtext_deleted AFTER DELETE ON media_app_searchtext BEGIN
        INSERT INTO media_app_searchtext_words (media_app_searchtext_words, rowid, project_id, words)
        VALUES ('delete', old.id, old.project_id, old.words);
    END
    """,
)
BACK = ("DROP TABLE media_app_searchtext_words",)  # triggers and an index go with the table itself


def make_index(apps, schema_editor):
    for statement in POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement)


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for name in ("added", "deleted"):
            schema_editor.execute(f"DROP TRIGGER media_app_searchtext_{name}")
        for statement in BACK:
            schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [
        ("media_app", "0001_initial"),
        ("orgs_app", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="SearchText",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(help_text="Of the file; media for what a media is called.", max_length=20)),
                (
                    "weight",
                    models.PositiveSmallIntegerField(
                        choices=[(1, "Said"), (2, "Headed"), (3, "Described"), (4, "Named")]
                    ),
                ),
                ("words", media_app.models.WordsField()),
                (
                    "file",
                    models.ForeignKey(
                        blank=True,
                        help_text="None: the media itself.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="search_texts",
                        to="media_app.file",
                    ),
                ),
                (
                    "media",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="search_texts",
                        to="media_app.media",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="orgs_app.project",
                    ),
                ),
            ],
        ),
        migrations.RunPython(make_index, drop_index),
    ]
