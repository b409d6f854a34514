"""Paths of media, files, signatures and delivery."""

import re
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import re_path

from ittyhost.api.routes import route
from media_app.api import views
from media_app.api.delivery import deliver
from media_app.api.delivery_paths import delivery_paths
from media_app.api.sessions import UploadListView
from media_app.api.signatures import SignatureListView


def delivery_prefix() -> str:
    """What comes before the project in delivery paths, as requests arrive here: without a slash at either end.

    A path that PUBLIC_URL has belongs to the proxy in front, which takes it away.
    """
    base = settings.DELIVERY_URL.removeprefix(settings.PUBLIC_URL) if _shares_base() else settings.DELIVERY_URL
    return urlsplit(base).path.strip("/")


def _shares_base() -> bool:
    return settings.DELIVERY_URL == settings.PUBLIC_URL or settings.DELIVERY_URL.startswith(f"{settings.PUBLIC_URL}/")


_before = re.escape(f"{prefix}/") if (prefix := delivery_prefix()) else ""

deliver.openapi_paths = delivery_paths  # type: ignore[attr-defined]

urlpatterns = [
    route("media", views.MediaListView, name="media-list"),
    route("media/<media_id>", views.MediaView, name="media"),
    route("files", views.FileListView, name="file-list"),
    route("files/<file_id>", views.FileView, name="file"),
    route("uploads", UploadListView, name="upload-list"),
    route("signatures", SignatureListView, name="signature-list"),
    route("sources/<source_id>", views.SourceView, name="source"),  # tasks_app has the list, as its POST makes a task
    re_path(rf"^{_before}(?P<project_id>prj_[0-9A-Za-z]{{16}})/(?P<path>(?s:.*))\Z", deliver, name="delivery"),
]
