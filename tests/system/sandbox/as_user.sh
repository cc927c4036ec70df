#!/usr/bin/env bash
# Runs the attack suite as an ordinary user: as_user.sh TESTS FLYWHEEL_BOX. The build may lie where
# that user can't look, so copies are run. Where this is no root already, it just runs.
set -euo pipefail
tests=$1 box=$2
[ "$(id -u)" = 0 ] || exec "$tests"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
mkdir -p "$folder/tests/system/sandbox" "$folder/tmp"
chmod 1777 "$folder/tmp"
cp "$tests" "$box" "$(dirname "$box")/libflywheel_zygote.so" "$folder/"
cp tests/system/sandbox/attacks.py "$folder/tests/system/sandbox/"
cd "$folder"
TMPDIR="$folder/tmp" setpriv --reuid 65534 --regid 65534 --clear-groups "$folder/$(basename "$tests")"
