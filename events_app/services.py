"""Recording events, and starting the jobs that other apps subscribed to them."""

from dataclasses import dataclass

from events_app.models import Event
from ittyhost.queue import FAST, send
from ittyhost.records import Record
from orgs_app.models import Project


@dataclass(frozen=True)
class Subscription:
    job: str
    lane: str


_subscriptions: dict[str, list[Subscription]] = {}


def subscribe(type: str, *, job: str, lane: str = FAST) -> None:
    """Start `job` with the subject's bare id whenever an event of this type was committed; for AppConfig.ready().

    Messages can be lost: a subscriber also finds what it missed in a sweep of its own rows.
    """
    subscription = Subscription(job, lane)
    if subscription not in _subscriptions.setdefault(type, []):
        _subscriptions[type].append(subscription)


def event_record(*, project: Project, type: str, subject: Record) -> Event:
    """Write down that something happened, in the transaction in which it does; tell subscribers once that commits."""
    event = Event.objects.create(project=project, type=type, subject=subject.public_id)
    for subscription in _subscriptions.get(type, ()):
        send(subscription.job, subject.pk, lane=subscription.lane)
    return event
