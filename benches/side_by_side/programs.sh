# Sourced: sets $program and $floor, the programs that are measured. RINGSIDE and FLOOR name some that are built
# already; what is not named is built in release. Wants $root, $here and $harness.
program="${RINGSIDE:-}"
if [ -z "$program" ]; then
    (cd "$root" && cargo build --release --quiet --bin ringside)
    program="${CARGO_TARGET_DIR:-$root/target}/release/ringside"
fi
floor="${FLOOR:-}"
if [ -z "$floor" ]; then
    (cd "$here/floor" && CARGO_TARGET_DIR="$harness/target/floor" cargo build --release --locked --quiet)
    floor="$harness/target/floor/release/floor"
fi
