"""Every address of the service."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from ittyhost import health
from ittyhost.api import reference

urlpatterns = [
    path("livez", health.livez),
    path("healthz", health.healthz),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),  # as people type it
    path("admin/", admin.site.urls),
    re_path(r"^docs/?\Z", reference.docs, name="docs"),
    re_path(r"^openapi/(?P<name>[^/]+)\.(?P<form>json|yaml)\Z", reference.openapi, name="openapi"),
    path("", include("media_app.api.urls")),
    path("", include("tasks_app.api.urls")),
    path("", include("workflows_app.api.urls")),
]
handler400 = "ittyhost.api.errors.bad_request"
handler403 = "ittyhost.api.errors.permission_denied"
handler404 = "ittyhost.api.errors.not_found"
handler500 = "ittyhost.api.errors.server_error"
