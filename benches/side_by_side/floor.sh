# Sourced: sets $floor, the proxy in floor/. FLOOR names one that is built already; else it is built in release. Wants
# $here and $harness.
floor="${FLOOR:-}"
if [ -z "$floor" ]; then
    (cd "$here/floor" && CARGO_TARGET_DIR="$harness/target/floor" cargo build --release --locked --quiet)
    floor="$harness/target/floor/release/floor"
fi
