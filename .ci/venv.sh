#!/bin/sh
# Make a virtual environment, with Debian's python3-venv where python3 comes without one.
# usage: venv.sh PYTHON FOLDER
set -eu
python=$1 folder=$2
[ -x "$folder/bin/pip" ] && exit 0
"$python" - <<'PY' || exit 1
import sys
if not (3, 11) <= sys.version_info[:2] < (3, 14):
    sys.exit(f"c2jy-tui needs Python 3.11, 3.12 or 3.13; this is {sys.version.split()[0]}. "
             "Name another one: make PYTHON=python3.12 ...")
PY
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    sh "$(dirname "$0")/debian.sh" "$version"
fi
"$python" -m venv "$folder"
