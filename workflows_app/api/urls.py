from ittyhost.api.routes import route
from workflows_app.api.views import AutomationListView, AutomationView

urlpatterns = [
    route("automations", AutomationListView, name="automations"),
    route("automations/<automation_id>", AutomationView, name="automation"),
]
