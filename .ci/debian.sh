#!/bin/sh
# Install the Debian or Ubuntu packages named, if a command or package of that name is missing.
# usage: debian.sh PACKAGE...
set -eu
missing=
for package in "$@"; do
    command -v "$package" >/dev/null 2>&1 || dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
if ! command -v apt-get >/dev/null 2>&1 || { [ -n "$sudo" ] && ! command -v sudo >/dev/null 2>&1; }; then
    echo "Please install with your package manager:$missing" >&2
    exit 1
fi
echo "Installing:$missing" >&2
$sudo apt-get update -qq
# shellcheck disable=SC2086  # a list on purpose
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
