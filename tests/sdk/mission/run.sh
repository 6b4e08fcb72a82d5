#!/bin/bash
# The mission's pages (../shared/mission) against the built program: every snippet of them runs with only
# the URL and the key changed, with OpenAI's SDKs for Python and Node, curl, and plain requests.
#
#   tests/sdk/mission/run.sh [SDK…]        for example: tests/sdk/mission/run.sh python-3 node-7
#
# Behind Ringside stands the upstream of the SDKs' suites. What can't run yet stands in mission.expected
# with its reason; anything else that fails, and anything there that passes, is a failure. What is not at
# hand is skipped aloud; an SDK that can't be installed is a failure in CI (CI=true).
set -euo pipefail
cd "$(dirname "$0")/../../.."

. tests/sdk/support.sh
here=$PWD/tests/sdk/mission
pages=$PWD/../shared/mission
recordings=$PWD/../shared/recordings
for needed in "$pages" "$recordings"; do
    if [ ! -d "$needed" ]; then
        printf "\n!!! SKIPPED: without ../shared/%s no snippet of the mission's pages runs !!!\n\n" "${needed##*/}"
        exit 0
    fi
done
build

failed=0
pythons=() nodes=()
while read -r language name _; do
    case $language in '' | '#'*) continue ;; esac
    sdk=$language-$name
    if [ "$#" -gt 0 ] && [[ " $* " != *" $sdk "* ]]; then continue; fi
    if ! tests/sdk/install.sh "$sdks" "$sdk" 2>"$logs/install-$sdk.log"; then
        tail -n 5 "$logs/install-$sdk.log"
        printf '\n!!! SKIPPED: %s could not be installed !!!\n\n' "$sdk"
        if [ "${CI:-}" = true ]; then failed=1; fi
        continue
    fi
    case $language in
    python) pythons+=("$sdk") ;;
    node) nodes+=("$sdks/$sdk") ;;
    esac
done <tests/sdk/versions.txt

python3 tests/sdk/upstream.py "$recordings" "$scratch/upstream-port" >"$logs/upstream.log" 2>&1 &
started+=($!)
wait_for "the upstream" test -f "$scratch/upstream-port"
upstream=http://127.0.0.1:$(cat "$scratch/upstream-port")

for sdk in "${pythons[@]}"; do
    mkdir -p "$scratch/$sdk"
    # The aliases that the repository comes with.
    cp slots.yaml "$scratch/$sdk"
    # The pages outlive the models that they name.
    echo 'anthropic/claude-sonnet-4-5: { ends: ~ }' >"$scratch/$sdk/prices.yaml"
    start_gateway "$sdk" RINGSIDE_PRICES=prices.yaml OPENAI_API_KEY=sk-of-openai "RINGSIDE_OPENAI_BASE_URL=$upstream" \
        ANTHROPIC_API_KEY=sk-of-anthropic "RINGSIDE_ANTHROPIC_BASE_URL=$upstream"
    status=0
    (cd "$here" && RINGSIDE_MISSION=$pages MISSION_NODES="${nodes[*]:-}" PYTHONPATH=$here/../suites/plugin \
        timeout 300 "$sdks/$sdk/bin/python" -m pytest --quiet -rfE --tb=short --rootdir . -p no:cacheprovider \
        -p expected --expected mission.expected test_mission.py) >"$logs/mission-$sdk.log" 2>&1 || status=$?
    if [ "$status" != 0 ]; then
        cat "$logs/mission-$sdk.log"
        failed=1
    fi
    printf "the mission's pages, %s: %s\n" "$sdk" "$(tail -n 1 "$logs/mission-$sdk.log")"
    # Snippets of Node run once.
    nodes=()
done
[ "$failed" = 0 ]
