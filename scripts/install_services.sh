#!/usr/bin/env bash
# What integration tests start privately: PostgreSQL, Redis, Ceph's S3 gateway, a browser, and players for that browser,
# into .venv; and the tools that look at what the engine makes: Debian's ffmpeg, exiftool. Installs what is missing where
# this machine has apt and root; otherwise says why not, and those tests are skipped with the same reason.
set -u
cd "$(dirname "$0")/.." || exit 0

# Players from npm: pinned, by the digests in the lock file; their install scripts do not run.
install_players() {
    local place=.venv/players
    [ -d .venv ] || return 0
    cmp -s tests/players/package-lock.json "$place/package-lock.json" && [ -d "$place/node_modules" ] && return 0
    if ! command -v npm >/dev/null; then
        echo "Not installed (no npm on this machine): hls.js, Plyr, Media Chrome. Tests that play in a browser will be skipped."
        return 0
    fi
    echo "Installing players for the browser tests"
    mkdir -p "$place" && cp tests/players/package.json tests/players/package-lock.json "$place/" || return 0
    if ! npm ci --prefix "$place" --ignore-scripts --no-audit --no-fund >"$place/npm.log" 2>&1; then
        tail -n 5 "$place/npm.log"
        rm -f "$place/package-lock.json"
        echo "Not installed (npm failed, see above): hls.js, Plyr, Media Chrome. Tests that play in a browser will be skipped."
    fi
}
trap install_players EXIT

packages=()
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || packages+=(postgresql)
command -v redis-server >/dev/null || packages+=(redis-server)
for program in radosgw ceph-mon ceph-osd ceph-mgr chromium curl npm; do
    command -v "$program" >/dev/null || packages+=("$program")
done
[ -x /usr/bin/ffprobe ] || packages+=(ffmpeg) # not another one that is on PATH: what it prints is known
command -v exiftool >/dev/null || packages+=(libimage-exiftool-perl)
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
trap '[ -n "$made_policy" ] && "${as_root[@]}" rm -f "$policy"; install_players' EXIT

echo "Installing for the integration tests: ${packages[*]}"
log=$(mktemp)
if ! { "${as_root[@]}" apt-get update -q && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
    tail -n 15 "$log"
    echo "Not installed (apt failed, see above): ${packages[*]}. Tests that need them will be skipped."
fi
rm -f "$log"
