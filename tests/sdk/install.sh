#!/bin/sh
# Installs the pinned OpenAI SDKs, one directory each, and prints nothing but progress.
#
#   tests/sdk/install.sh DIRECTORY [SDK]        for example: tests/sdk/install.sh target/sdks node-7
#
# A directory that is complete (it holds `.done` with the same pins) is left as it is, so that a
# second run costs nothing. Three Python and two Node generations, since each has its own
# transport, its own retry rules and its own parsing.
set -eu

directory=${1:?the directory to install into}
only=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$directory"

python=${PYTHON:-python3}

while read -r language name version extras; do
    case $language in '' | '#'*) continue ;; esac
    if [ -n "$only" ] && [ "$only" != "$language-$name" ]; then continue; fi
    target=$directory/$language-$name
    pins="$version $extras"
    if [ -f "$target/.done" ] && [ "$(cat "$target/.done")" = "$pins" ]; then
        continue
    fi
    echo "installing openai $version for $language into $target"
    rm -rf "$target"
    mkdir -p "$target"
    case $language in
    python)
        "$python" -m venv "$target"
        # shellcheck disable=SC2086  # extras are words
        "$target/bin/python" -m pip install --quiet --disable-pip-version-check "openai==$version" $extras
        ;;
    node)
        # --prefix needs a package.json of its own, or npm walks up to the repository.
        echo '{"private": true}' >"$target/package.json"
        # shellcheck disable=SC2086
        npm install --prefix "$target" --silent --no-audit --no-fund --no-save --loglevel=error "openai@$version" $extras
        ;;
    esac
    echo "$pins" >"$target/.done"
done <"$here/versions.txt"
