"""Operators' pages of media, their files, and uploads."""

from media_app.admin import files, media, uploads  # noqa: F401  registering is what they are imported for
