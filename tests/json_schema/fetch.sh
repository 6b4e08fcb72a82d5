#!/bin/sh
# Fetches the official JSON-Schema-Test-Suite, which the source package of Python's `jsonschema`
# carries, into DIRECTORY, and prints nothing but progress.
#
#   tests/json_schema/fetch.sh DIRECTORY
#
# The version is pinned: tests/json_schema/differences.txt names the cases of this one.
set -eu

directory=${1:?the directory to fetch into}
version=4.26.0
if [ -f "$directory/.done" ] && [ "$(cat "$directory/.done")" = "$version" ]; then
    exit 0
fi
echo "fetching the JSON schema test suite into $directory"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# A virtual environment, since a system's own Python may have no pip.
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps \
    --no-binary jsonschema --dest "$scratch" "jsonschema==$version"
tar -xzf "$scratch/jsonschema-$version.tar.gz" -C "$scratch"
# Put in place whole, and by whoever comes first: tests run beside each other.
mkdir -p "$(dirname "$directory")"
made=$(mktemp -d "$directory.XXXXXX")
cp -R "$scratch/jsonschema-$version/json/tests/draft7" "$scratch/jsonschema-$version/json/tests/draft2020-12" "$made/"
echo "$version" >"$made/.done"
if [ -d "$directory" ] && [ "$(cat "$directory/.done" 2>/dev/null)" != "$version" ]; then rm -rf "$directory"; fi
mv -T "$made" "$directory" 2>/dev/null || rm -rf "$made"
[ "$(cat "$directory/.done")" = "$version" ]
