"""Automations over HTTP, the same in every version."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from ittyhost.api.openapi import documented
from ittyhost.api.paging import Filter
from ittyhost.api.views import ProjectView
from ittyhost.records import parse_id
from workflows_app.api.fields import STATUS_WORDS
from workflows_app.api.shapes import SHAPES
from workflows_app.models import Automation
from workflows_app.selectors import automation_get, automation_list
from workflows_app.services import automation_create, automation_delete, automation_update


class AutomationListView(ProjectView):
    shapes = SHAPES
    filters = (Filter("status", STATUS_WORDS, "Only automations in this state."),)

    @documented(SHAPES, response="automation_schema", many=True)
    def get(self, request: Request) -> Response:
        """List automations."""
        return self.page(automation_list(project=self.project, **self.filtered()), self.shape.automation_show)

    @documented(SHAPES, request="AutomationCreate", response="automation_schema")
    def post(self, request: Request) -> Response:
        """Create an automation.

        Steps are checked now. They are kept; nothing starts them yet.
        """
        body = self.shape.AutomationCreate(data=request.data)
        body.is_valid(raise_exception=True)
        automation = automation_create(project=self.project, created_by=self.api_key.public_id, **body.validated_data)
        return self.created(self.shape.automation_show(automation))


class AutomationView(ProjectView):
    shapes = SHAPES
    collection = "/automations"

    @documented(SHAPES, response="automation_schema")
    def get(self, request: Request, automation_id: str) -> Response:
        """View an automation."""
        return self.ok(self.shape.automation_show(self._automation(automation_id)))

    @documented(SHAPES, request="AutomationUpdate", response="automation_schema")
    def patch(self, request: Request, automation_id: str) -> Response:
        """Change an automation.

        What is not given stays as it is.
        """
        return self._change(automation_id, self.shape.AutomationUpdate)

    @documented(SHAPES, request="AutomationReplace", response="automation_schema")
    def put(self, request: Request, automation_id: str) -> Response:
        """Replace an automation.

        What is not given is emptied, but for the trigger, the steps and the status, which stay as they are.
        """
        return self._change(automation_id, self.shape.AutomationReplace)

    @documented(SHAPES)
    def delete(self, request: Request, automation_id: str) -> Response:
        """Delete an automation."""
        automation = self._automation(automation_id)
        automation_delete(automation=automation)
        return self.deleted(automation.public_id)

    def _change(self, automation_id: str, shape: Any) -> Response:
        automation = self._automation(automation_id)
        body = shape(data=self.request.data)
        body.is_valid(raise_exception=True)
        changed = automation_update(automation=automation, **body.validated_data)
        return self.ok(self.shape.automation_show(changed))

    def _automation(self, automation_id: str) -> Automation:
        return automation_get(project=self.project, automation_id=parse_id(automation_id, Automation.prefix))
