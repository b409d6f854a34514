"""`make run`: every process of an embedded service, started, watched and stopped together."""
