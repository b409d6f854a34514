"""Celery's entry points."""

from celery import shared_task

from orgs_app.idempotency import requests_forget


@shared_task(name="orgs_app.forget")
def forget() -> None:
    """Delete the answers of idempotent requests that are over a day old."""
    requests_forget()
