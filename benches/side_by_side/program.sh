# Sourced: sets $program, the Ringside that is measured. RINGSIDE names one that is built already; else it is built in
# release. Wants $root.
program="${RINGSIDE:-}"
if [ -z "$program" ]; then
    (cd "$root" && cargo build --release --quiet --bin ringside)
    program="${CARGO_TARGET_DIR:-$root/target}/release/ringside"
fi
