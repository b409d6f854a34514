"""The service's addresses, and `/empty`: what Django REST framework costs on this server before anything is done."""

from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class EmptyView(APIView):
    """Nobody is authenticated, nothing read, nothing looked up."""

    authentication_classes = ()
    permission_classes = ()

    def get(self, request: Request) -> Response:
        return Response({})

    def post(self, request: Request) -> Response:
        return Response({})


urlpatterns = [path("empty", EmptyView.as_view()), path("", include("ittyhost.urls"))]
