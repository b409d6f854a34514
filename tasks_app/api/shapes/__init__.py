"""How each API version writes a task, in and out."""

from ittyhost.api.shapes import register

SHAPES = register("task", __name__)
