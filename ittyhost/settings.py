"""All settings. Every value an operator may choose is read here from the environment, with an embedded default."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from ittyhost import logs
from ittyhost.env import BadSetting, Env, database
from ittyhost.launcher.broker import broker_socket, broker_url
from ittyhost.secrets_file import embedded_secrets
from workers.engine import confinement, limits

env = Env()

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = env.path("ITTYHOST_DATA", BASE_DIR / "data")
DEBUG = env.flag("DEBUG", False)

# --- Secrets: from the environment, else made once and kept in the data folder ---
SECRET_KEY = env.text("SECRET_KEY") or embedded_secrets(DATA_DIR).secret_key
KEY_RING = env.words("KEY_RING") or embedded_secrets(DATA_DIR).key_ring

# --- Addresses ---
HOST = env.text("HOST", "127.0.0.1")
PORT = env.integer("PORT", 8000, low=1, high=65535)
PUBLIC_URL = env.url(
    "PUBLIC_URL", f"http://{'127.0.0.1' if HOST in ('0.0.0.0', '::') else HOST}:{PORT}", schemes=("http", "https")
)
DELIVERY_URL = env.url("DELIVERY_URL", f"{PUBLIC_URL}/delivery", schemes=("http", "https"))
ALLOWED_HOSTS = list(env.words("ALLOWED_HOSTS", ("*",)))
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
CSRF_TRUSTED_ORIGINS = ["{0.scheme}://{0.netloc}".format(urlsplit(PUBLIC_URL))]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # TrustedProxiesMiddleware leaves it to trusted ones only
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
ROOT_URLCONF = "ittyhost.urls"
WSGI_APPLICATION = "ittyhost.wsgi.application"
APPEND_SLASH = False  # a redirect would lose the body of a POST, and SDKs call paths without a slash

# --- Apps ---
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "ittyhost",
    "orgs_app",
    "events_app",
    "media_app",
    "tasks_app",
    "workflows_app",
]
MIDDLEWARE = [
    "ittyhost.proxies.TrustedProxiesMiddleware",
    "ittyhost.api.request_ids.RequestIdMiddleware",
    "ittyhost.api.limits.RequestLimitsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "media_app.api.domains.DeliveryDomainsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # admin's own files are served from their packages: no collectstatic step, no STATIC_ROOT
WHITENOISE_AUTOREFRESH = False

# --- Database: the record, and the queue of record ---
DATABASE_URL = env.text("DATABASE_URL", f"sqlite:///{DATA_DIR}/ittyhost.sqlite3")
DATABASES: dict[str, Any] = {"default": database("DATABASE_URL", DATABASE_URL)}
DATABASE_POOL = env.integer("DATABASE_POOL", 12, low=2, high=1000)
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["CONN_MAX_AGE"] = None
elif env.text("ITTYHOST_ROLE") == "web":
    # A web process has many threads, most of them moving bytes: they share a small pool, and hold nothing meanwhile.
    DATABASES["default"]["OPTIONS"]["pool"] = {
        "min_size": 0,
        "max_size": DATABASE_POOL,
        "timeout": 20,
    }
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True  # a server that was restarted leaves dead connections behind
else:
    DATABASES["default"]["CONN_MAX_AGE"] = None
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False

# --- Broker: wakes workers, holds no work ---
BROKER_URL = env.url("BROKER_URL", broker_url(broker_socket(DATA_DIR)), schemes=("redis", "rediss", "redis+socket"))

# --- Bucket ---
BUCKET_URL = env.url("BUCKET_URL", f"file://{DATA_DIR}/bucket", schemes=("file", "s3"))
S3_ENDPOINT_URL = env.url("S3_ENDPOINT_URL", "", schemes=("http", "https"))
S3_REGION = env.text("S3_REGION", "us-east-1")
S3_PATH_STYLE = env.flag("S3_PATH_STYLE", bool(S3_ENDPOINT_URL))
S3_ACCESS_KEY_ID = env.text("S3_ACCESS_KEY_ID")  # empty: boto3's own chain (environment, profile, instance role)
S3_SECRET_ACCESS_KEY = env.text("S3_SECRET_ACCESS_KEY")
# The endpoint that clients reach, where it differs from the one that this service reaches.
S3_PUBLIC_ENDPOINT_URL = env.url("S3_PUBLIC_ENDPOINT_URL", S3_ENDPOINT_URL, schemes=("http", "https"))
DELIVERY_FROM_S3 = env.choice("DELIVERY_FROM_S3", "redirect", ("redirect", "stream"))
DELIVERY_CORS = env.origins("DELIVERY_CORS", ("*",))  # whose scripts may read what is delivered, and put files
if bool(S3_ACCESS_KEY_ID) != bool(S3_SECRET_ACCESS_KEY):
    raise BadSetting("S3_SECRET_ACCESS_KEY", "goes together with S3_ACCESS_KEY_ID: set both or neither.")

# --- API ---
API_DEFAULT_VERSION = env.text("API_DEFAULT_VERSION", "2024-03-21")
MAX_JSON_BYTES = env.integer("MAX_JSON_BYTES", 1024 * 1024, low=1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_JSON_BYTES
# Of one API key: requests a second in the long run, 0 for no limit; and how many may come at once.
RATE_LIMIT = env.integer("RATE_LIMIT", 100, high=1_000_000)
RATE_BURST = env.integer("RATE_BURST", 500, low=1, high=1_000_000)
IDEMPOTENCY_STORE = "orgs_app.idempotency"  # ittyhost.api.idempotency.Store
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["orgs_app.api.auth.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["ittyhost.api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["ittyhost.api.parsers.StrictJSONParser"],
    "EXCEPTION_HANDLER": "ittyhost.api.errors.handle",
    "DEFAULT_SCHEMA_CLASS": "ittyhost.api.openapi.VersionedSchema",
    "UNAUTHENTICATED_USER": None,
}

# --- Uploads and fetches of users' URLs ---
MAX_FILE_BYTES = env.integer("MAX_FILE_BYTES", 20 * 1024**3, low=1024)
WEB_PROCESSES = env.integer("WEB_PROCESSES", 2, low=1, high=256)
MAX_TRANSFERS = env.integer("MAX_TRANSFERS", 48, low=1, high=10_000)  # uploads and downloads at a time, per web process
UPLOAD_SECONDS = env.integer("UPLOAD_SECONDS", 24 * 3600, low=1, high=30 * 24 * 3600)  # since its last piece
PROBE_WAIT_SECONDS = env.number("PROBE_WAIT_SECONDS", 5.0, high=30)
OUTBOUND_ALLOW = env.networks("OUTBOUND_ALLOW")
FETCH_SECONDS = env.integer("FETCH_SECONDS", 3600, low=1)
OPTION_FILE_BYTES = env.integer("OPTION_FILE_BYTES", 100 * 1024**2, low=1024)  # of another file that an option names
OPTION_FILE_SECONDS = env.integer("OPTION_FILE_SECONDS", 120, low=1)  # to fetch it, where it is a URL

# --- Work ---
FFMPEG = env.text("FFMPEG")
WORK_DIR = env.path("WORK_DIR", DATA_DIR / "work")
WORKERS_FAST = env.integer("WORKERS_FAST", max(2, os.cpu_count() or 1), low=1, high=1024)
WORKERS_HEAVY = env.integer("WORKERS_HEAVY", 1, low=1, high=1024)
WORKERS_INTELLIGENCE = env.integer("WORKERS_INTELLIGENCE", 1, low=1, high=1024)
WORKERS_TRANSFER = env.integer("WORKERS_TRANSFER", 2, low=1, high=1024)
MAX_FAILURES = env.integer("MAX_FAILURES", 3, low=1, high=100)
LIVENESS_FILE = env.text("LIVENESS_FILE")  # touched while a worker or scheduler is alive: a container's health check

# --- Models behind HTTP: servers that speak OpenAI's protocol. URL is the base address, which mostly ends in /v1 ---
LANGUAGE_URL = env.server("LANGUAGE_URL")
LANGUAGE_MODEL = env.text("LANGUAGE_MODEL")
LANGUAGE_KEY = env.key("LANGUAGE_KEY")
LANGUAGE_SEES = env.flag("LANGUAGE_SEES", False)  # whether it takes pictures
LANGUAGE_TIMEOUT = env.number("LANGUAGE_TIMEOUT", 300.0, low=0.1, high=3600)  # seconds
LANGUAGE_RETRIES = env.integer("LANGUAGE_RETRIES", 2, high=10)
LANGUAGE_TOKENS = env.integer("LANGUAGE_TOKENS", 8192, low=2048, high=2_000_000)  # of a request, its answer included
VISION_URL = env.server("VISION_URL")
VISION_MODEL = env.text("VISION_MODEL")
VISION_KEY = env.key("VISION_KEY")
VISION_LOOKS = env.words("VISION_LOOKS", ("objects", "faces", "caption"))  # what it is asked for
VISION_TIMEOUT = env.number("VISION_TIMEOUT", 120.0, low=0.1, high=3600)  # seconds for a picture
VISION_RETRIES = env.integer("VISION_RETRIES", 2, high=10)
VISION_TOKENS = env.integer("VISION_TOKENS", 2048, low=256, high=2_000_000)  # of an answer
SPEECH_URL = env.server("SPEECH_URL")
SPEECH_MODEL = env.text("SPEECH_MODEL")  # as that server names it; without SPEECH_URL, of this machine's
SPEECH_KEY = env.key("SPEECH_KEY")
SPEECH_TIMEOUT = env.number("SPEECH_TIMEOUT", 900.0, low=0.1, high=3600)  # seconds for a piece of ten minutes
SPEECH_RETRIES = env.integer("SPEECH_RETRIES", 2, high=10)
for _name, _url, _model in (
    ("LANGUAGE", LANGUAGE_URL, LANGUAGE_MODEL),
    ("VISION", VISION_URL, VISION_MODEL),
    ("SPEECH", SPEECH_URL, SPEECH_MODEL),
):
    if _url and not _model:
        raise BadSetting(f"{_name}_MODEL", f"goes together with {_name}_URL: name the model that the server is to use.")
if wrong := set(VISION_LOOKS) - {"safety", "objects", "faces", "text", "labels", "caption"}:
    raise BadSetting("VISION_LOOKS", f"may have safety, objects, faces, text, labels, caption; not {min(wrong)!r}.")

try:  # the engine reads its own limits, and must not be the one to find a wrong value
    limits.task_limits(), limits.model_limits(), limits.nsfw_threshold(), limits.threads(), confinement.sandbox_mode()
except ValueError as exc:
    raise ImproperlyConfigured(str(exc)) from exc

# --- Accounts of the admin ---
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# --- Logs: one JSON object a line ---
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOG_FORMAT = env.choice("LOG_FORMAT", "json", ("json", "text"))
LOGGING_CONFIG = None
logs.configure(level=LOG_LEVEL, form=LOG_FORMAT)
