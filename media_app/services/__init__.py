"""Every write of media, files and their objects."""

from media_app.services.changes import file_update, media_update
from media_app.services.completion import upload_finish, uploads_sweep
from media_app.services.files import file_delete, file_from_url, file_receive, media_create, media_delete
from media_app.services.indexing import search_rebuild
from media_app.services.locks import media_lock
from media_app.services.names import place_clean, place_read, ref_clean
from media_app.services.objects import connection_rest, drafts_clean_up, objects_clean_up, objects_expect, objects_keep
from media_app.services.outputs import StoredObject, file_fetcher, output_publish, outputs_discard, outputs_store
from media_app.services.pieces import piece_receive, upload_complete
from media_app.services.references import reference_check, reference_fetcher, reference_type_check
from media_app.services.renewal import facts_known, facts_order, facts_renew
from media_app.services.sessions import session_create, session_find, session_receive
from media_app.services.uploads import Place, Progress, upload_end, upload_find, upload_give_up, upload_progress
from media_app.services.work import (
    UNSETTLED,
    LeaseLost,
    fetch_stop,
    fetched_discard,
    file_claim,
    file_digest,
    file_fail,
    file_fetch,
    file_fetched,
    file_heartbeat,
    file_is_held,
    file_probe,
    file_probed,
    file_release,
    file_retry,
    files_sweep,
    lane_wake,
)

__all__ = [
    "UNSETTLED",
    "LeaseLost",
    "Place",
    "Progress",
    "StoredObject",
    "connection_rest",
    "drafts_clean_up",
    "facts_known",
    "facts_order",
    "facts_renew",
    "fetch_stop",
    "fetched_discard",
    "file_claim",
    "file_delete",
    "file_digest",
    "file_fail",
    "file_fetch",
    "file_fetched",
    "file_fetcher",
    "file_from_url",
    "file_heartbeat",
    "file_is_held",
    "file_probe",
    "file_probed",
    "file_receive",
    "file_release",
    "file_retry",
    "file_update",
    "files_sweep",
    "lane_wake",
    "media_create",
    "media_delete",
    "media_lock",
    "media_update",
    "objects_clean_up",
    "objects_expect",
    "objects_keep",
    "output_publish",
    "outputs_discard",
    "outputs_store",
    "piece_receive",
    "place_clean",
    "place_read",
    "ref_clean",
    "reference_check",
    "reference_fetcher",
    "reference_type_check",
    "search_rebuild",
    "session_create",
    "session_find",
    "session_receive",
    "upload_complete",
    "upload_end",
    "upload_find",
    "upload_finish",
    "upload_give_up",
    "upload_progress",
    "uploads_sweep",
]
