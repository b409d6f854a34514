"""Which version a request is answered in."""

import re
from dataclasses import dataclass

from django.http import HttpRequest

from ittyhost.api.versions import Version, all_versions, default_version, find_version
from ittyhost.errors import Invalid

_SDK_VERSION = re.compile(r"v?(\d{1,6})\.(\d{1,6})")
FIRST_BARE_SDK = (0, 10)  # SDKs from here on parse bare bodies, and some of their calls do not say so
SDK_VERSION = "2025-08-20"
OLD_SDK_VERSION = "2025-07-01"


@dataclass(frozen=True)
class Wish:
    """What a request asks for. `version` is what to answer in, errors included; `refusal` says why it is another."""

    version: Version
    refusal: Invalid | None = None


def negotiate(request: HttpRequest, *, pin: str | None = None) -> Wish:
    """`Accept-Version` in either spelling, else what the SDK can parse, else the project's pin, else the setting."""
    fallback = (find_version(pin) if pin else None) or default_version()
    asked = asked_version(request)
    if not asked:
        return Wish(fallback)
    version = find_version(asked)
    if version:
        return Wish(version)
    known = ", ".join([*(str(version) for version in all_versions()), "latest"])
    return Wish(
        fallback,
        Invalid(
            f"Version {asked[:40]!r} is not supported. Send Accept-Version with one of: {known}.",
            param="Accept-Version",
            code="version_unknown",
        ),
    )


def asked_version(request: HttpRequest) -> str:
    """The version a request's headers ask for; "" when they leave it open.

    WSGI knows one HTTP_ACCEPT_VERSION for `Accept-Version` and `ACCEPT_VERSION`; where a server joins two values by a
    comma, the last is taken, as SDKs send the one they rely on last.
    """
    given = [value.strip() for value in request.META.get("HTTP_ACCEPT_VERSION", "").split(",") if value.strip()]
    if given:
        return str(given[-1])
    sdk = _SDK_VERSION.match(request.META.get("HTTP_X_FERN_SDK_VERSION", "").strip())
    if not sdk:
        return ""
    return SDK_VERSION if (int(sdk[1]), int(sdk[2])) >= FIRST_BARE_SDK else OLD_SDK_VERSION
