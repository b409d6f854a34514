"""How each API version writes an automation, in and out."""

from ittyhost.api.shapes import register

SHAPES = register("automation", __name__)
