"""Which addresses users' URLs may reach: the public internet, and what the settings allow."""

import ipaddress

from django.conf import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_REFUSED = (
    ipaddress.ip_network("64:ff9b:1::/48"),  # NAT64 of a local network
    ipaddress.ip_network("::/96"),  # IPv4-compatible, long withdrawn
    ipaddress.ip_network("192.88.99.0/24"),  # 6to4 relays
)


def is_refused(address: Address) -> bool:
    """Whether users' URLs may not reach an address: all that is not the public internet, unless settings allow it."""
    if any(address.version == network.version and address in network for network in settings.OUTBOUND_ALLOW):
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_refused(inner)
        if address.is_site_local:
            return True
    if any(address.version == network.version and address in network for network in _REFUSED):
        return True
    return not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified
