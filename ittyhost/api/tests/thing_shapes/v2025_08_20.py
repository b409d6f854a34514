from ittyhost.api.tests.thing_shapes.v2024_03_21 import ThingCreate, ThingShow

__all__ = ["ThingCreate", "ThingShow"]
