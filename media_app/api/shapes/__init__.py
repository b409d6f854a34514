"""How each API version writes media, files and uploads."""

from ittyhost.api.shapes import register

MEDIA_SHAPES = register("media", __name__)
FILE_SHAPES = register("file", __name__)
UPLOAD_SHAPES = register("upload", __name__)
