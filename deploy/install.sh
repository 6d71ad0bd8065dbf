#!/bin/sh
# Installs the worker into a virtual environment of its own:
#
#     deploy/install.sh DIR [EXTRAS]
#
#   DIR     such as /opt/sync-worker; made anew. The command is then DIR/bin/sync-worker.
#   EXTRAS  postgres, sandbox, or postgres,sandbox; none by default
#
# PYTHON names the interpreter (3.11 or newer); the image and the servers are installed by this one way.
set -eu

dir=${1:?usage: deploy/install.sh DIR [EXTRAS]}
extras=${2:+[$2]}
python=${PYTHON:-python3}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

if [ -e "$dir" ] && [ ! -e "$dir/pyvenv.cfg" ]; then
    echo "$dir exists and is no virtual environment; nothing was touched." >&2
    exit 2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m venv "$work/tools"
pip() { "$work/tools/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }

# requirements.lock holds the tools of development as well. So all of it is downloaded and checked by hash, and pip then picks what the
# worker needs out of those files: no index is asked any more.
pip download --require-hashes --only-binary :all: --requirement "$root/requirements.lock" --dest "$work/wheels"
pip install --no-index --find-links "$work/wheels" hatchling
pip wheel --no-index --no-deps --no-build-isolation --wheel-dir "$work/wheels" "$root"

"$python" -m venv --clear --without-pip "$dir"
pip --python "$dir/bin/python" install --no-index --find-links "$work/wheels" "sync-worker$extras"
"$dir/bin/sync-worker" --version
