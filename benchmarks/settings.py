"""The service's settings with one more address: the empty view that its own are measured against."""

from ittyhost.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.urls"
