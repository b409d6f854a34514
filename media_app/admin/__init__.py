"""Operators' pages of media and their files."""

from media_app.admin import files, media  # noqa: F401  registering is what they are imported for
