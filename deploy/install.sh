#!/bin/sh
# Installs the worker into its own virtual environment:
#
#     deploy/install.sh DIR [EXTRAS]
#
#   DIR     such as /opt/sync-worker; recreated. The command is then DIR/bin/sync-worker.
#   EXTRAS  postgres, sandbox, or postgres,sandbox; none by default
#
# PYTHON sets the interpreter (3.11 or newer). The image and the servers are both installed by this script.
set -eu

dir=${1:?usage: deploy/install.sh DIR [EXTRAS]}
extras=${2:+[$2]}
python=${PYTHON:-python3}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

if [ -e "$dir" ] && [ ! -e "$dir/pyvenv.cfg" ]; then
    echo "$dir exists and is not a virtual environment; nothing was changed." >&2
    exit 2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m venv "$work/tools"
pip() { "$work/tools/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }

# requirements.lock also contains the development tools. All files are downloaded and checked by hash; pip then installs only the packages
# that the worker needs from those files, without access to an index.
pip download --require-hashes --only-binary :all: --requirement "$root/requirements.lock" --dest "$work/wheels"
pip install --no-index --find-links "$work/wheels" hatchling
pip wheel --no-index --no-deps --no-build-isolation --wheel-dir "$work/wheels" "$root"

"$python" -m venv --clear --without-pip "$dir"
pip --python "$dir/bin/python" install --no-index --find-links "$work/wheels" "sync-worker$extras"
"$dir/bin/sync-worker" --version
