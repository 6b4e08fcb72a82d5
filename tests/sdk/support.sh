# What the scripts of SDKs and suites share, to be sourced by bash in the repository's root: a
# scratch directory, processes that are stopped at the end whatever happens, and the gateway.

target=${CARGO_TARGET_DIR:-$PWD/target}
sdks=${SDKS_DIRECTORY:-$target/sdks}
ringside=${SDKS_PROGRAM:-$target/debug/ringside}
admin=ka_sdk_0123456789abcdef0123456789abcdef
scratch=$(mktemp -d)
logs=$scratch/logs
mkdir -p "$logs"

started=()
stop() {
    for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
    for process in "${started[@]}"; do wait "$process" 2>/dev/null || true; done
    rm -rf "$scratch"
}
trap stop EXIT
trap 'exit 130' INT TERM

# Calls to the gateway itself shall take no detour, and the SDKs read variables of their own.
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1 PYTHONDONTWRITEBYTECODE=1
unset OPENAI_API_KEY OPENAI_BASE_URL OPENAI_ORG_ID OPENAI_PROJECT_ID OPENAI_LOG

wait_for() { # what, then a command that succeeds once it is there
    local what=$1 deadline=$((SECONDS + 30))
    shift
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            echo "$what did not start:"
            tail -n 50 "$logs"/*.log
            exit 1
        fi
        sleep 0.05
    done
}

build() {
    # A test target beside it: its dependencies then have the features that the Rust tests built them with.
    [ -n "${SDKS_PROGRAM:-}" ] || cargo build --locked --quiet --bin ringside --test arch
}

# Starts the gateway in $scratch/NAME, which may hold files for it, and says where it is in
# RINGSIDE_URL, RINGSIDE_TOKEN and RINGSIDE_ADMIN_TOKEN.
start_gateway() { # NAME [VARIABLE=VALUE…]
    local name=$1
    shift
    mkdir -p "$scratch/$name"
    # Port 0: the system picks one, the log says which. Providers' own variables of the machine would
    # send calls elsewhere, so it has none.
    (cd "$scratch/$name" && exec env -i "PATH=$PATH" "HOME=$scratch" "RINGSIDE_SIM=on" RINGSIDE_LISTEN=127.0.0.1:0 \
        "RINGSIDE_ADMIN_TOKEN=$admin" RINGSIDE_LOG_FORMAT=json "$@" "$ringside" serve) >"$logs/$name.log" 2>&1 &
    started+=($!)
    wait_for "the gateway" is_listening "$logs/$name.log"
    export RINGSIDE_URL RINGSIDE_TOKEN RINGSIDE_ADMIN_TOKEN=$admin
    RINGSIDE_URL=http://$(listening "$logs/$name.log")
    RINGSIDE_TOKEN=$(sed -n 's/^RINGSIDE_TOKEN=//p' "$scratch/$name/ringside.token")
}
listening() { sed -n 's/.*"address":"\([0-9.:]*\)".*"listening".*\|.*"listening".*"address":"\([0-9.:]*\)".*/\1\2/p' "$1" | head -n 1; }
is_listening() { [ -n "$(listening "$1")" ]; }

# Of a log of pytest: how many tests ended so. Its last line is `3 passed, 1 skipped in 2s`.
count_python() { tail -n 1 "$1" | grep -o "[0-9]* $2" | grep -o '[0-9]*' || echo 0; }
