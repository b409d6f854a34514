"""Names of kinds that clients use and this service does not."""

# Names that the vendor's own samples, or pages of other years, use for a kind.
ALIASES = {
    "subtitle": "subtitles",
    "thumbnail": "thumbnails",
    "describe": "description",
    "summary": "description",
}
