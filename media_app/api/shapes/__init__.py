"""How each API version writes media and files."""

from ittyhost.api.shapes import register

MEDIA_SHAPES = register("media", __name__)
FILE_SHAPES = register("file", __name__)
