"""Upload sessions over HTTP: an address for one file, to be given to somebody without an API key."""

from urllib.parse import urlencode

from rest_framework.request import Request
from rest_framework.response import Response

from ittyhost.api.openapi import documented
from ittyhost.api.views import ProjectView
from media_app.api.shapes import UPLOAD_SHAPES
from media_app.api.stores import RESUMABLE, SINGLE
from media_app.services import session_create


class UploadListView(ProjectView):
    shapes = UPLOAD_SHAPES

    @documented(
        UPLOAD_SHAPES,
        request="UploadCreate",
        response="upload_schema",
        refusals={
            402: "The storage quota is used up.",
            404: "`media_id` names no media in this project.",
            409: "The alias is taken.",
            429: "Too many sessions.",
        },
    )
    def post(self, request: Request) -> Response:
        """Create an upload session.

        Its URL takes one file: in one POST, or, where it is resumable, in pieces by PUT.
        """
        body = self.shape.UploadCreate(data=request.data, context={"project": self.project})
        body.is_valid(raise_exception=True)
        session, key = session_create(api_key=self.api_key, **body.validated_data)
        path = RESUMABLE if session.resumable else SINGLE
        return self.created({"url": f"{self.project.delivery_url}/{path}?{urlencode({'key': key})}"})
