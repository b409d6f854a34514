"""A subject of the tests' own: organisations, written as things."""

from ittyhost.api.shapes import register

SHAPES = register("thing", __name__)
