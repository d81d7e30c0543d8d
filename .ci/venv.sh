#!/bin/sh
# Make a virtual environment (with Debian's python3-venv where python3 comes without one) and install the app
# into it, saying what happens: the first run takes a minute.
# usage: venv.sh PYTHON FOLDER WHAT     WHAT: . or .[dev]
set -eu
python=$1 folder=$2 what=$3
say() { printf '%s\n' "$*" >&2; }

if [ ! -x "$folder/bin/pip" ]; then
    "$python" - <<'PY' || exit 1
import sys
if not (3, 11) <= sys.version_info[:2] < (3, 15):
    sys.exit(f"c2jy-tui needs Python 3.11 to 3.14; this is {sys.version.split()[0]}. "
             "Name another one: make PYTHON=python3.12 ...")
PY
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        sh "$(dirname "$0")/debian.sh" "$version"
    fi
    say "1/2  Making $folder with $("$python" -V)"
    "$python" -m venv "$folder"
fi

say "2/2  Installing c2jy-tui and what it needs into $folder (first time: about a minute)"
log="$folder/install.log"
: >"$log"
number=0
PYTHONUNBUFFERED=1 "$folder/bin/python" -m pip install --disable-pip-version-check --progress-bar off \
    -c constraints.txt -e "$what" 2>&1 | tee "$log" | while IFS= read -r line; do
    case $line in
        Collecting*)
            number=$((number + 1)); words=${line#Collecting }; words="package $number: ${words%% *}" ;;
        Installing\ collected*) words="unpacking $number packages" ;;
        *Building*|*Preparing*) words="building" ;;
        *Retrying*) words="the network does not answer; trying again" ;;
        *) continue ;;
    esac
    if [ -t 2 ]; then
        printf '\r\033[K     %s' "$words" >&2
    elif [ $((number % 10)) = 0 ] && [ $number != "${shown:-0}" ]; then
        shown=$number
        say "     $words"
    fi
done
[ ! -t 2 ] || printf '\r\033[K' >&2
# The status of a pipe is its last command's: pip's last line says whether it succeeded.
if ! grep -q '^Successfully installed' "$log"; then
    tail -n 12 "$log" | sed 's/^/     /' >&2
    say "     pip failed; all of its words are in $log. Without a network: try again later."
    exit 1
fi
say "     Done. The program is $folder/bin/c2jy-tui; \`. $folder/bin/activate\` makes it c2jy-tui in this terminal."
