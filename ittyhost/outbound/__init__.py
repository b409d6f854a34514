"""Fetching what users' URLs point to.

Users choose the URL, so neither the URL nor what answers is trusted: only http and https, every address that a name
stands for is checked and the connection made to a checked one, each redirect is checked anew, and bytes, time and
patience are bounded. Proxies of the environment are not used: they would reach what this machine may not.
"""

from ittyhost.outbound.download import Download, Limits
from ittyhost.outbound.failures import FetchFailed, FetchStopped
from ittyhost.outbound.urls import MAX_URL_LENGTH, check_url

__all__ = ["MAX_URL_LENGTH", "Download", "FetchFailed", "FetchStopped", "Limits", "check_url"]
