"""What admin pages of every app share: fast lists of large tables, actions through services, small pieces of HTML."""

from django.contrib import admin

admin.site.site_header = "ittyhost"
admin.site.site_title = "ittyhost"
admin.site.index_title = "Operation"
admin.site.enable_nav_sidebar = False  # its lists are wide
admin.site.site_url = "/docs"  # the service has no site of its own
