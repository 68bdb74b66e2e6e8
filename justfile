# Recipes are thin: what CI runs is in .ci, which needs no `just`.

default:
    @just --list --unsorted

# The scenario catalogue, weak and safe variants: `just check --seeds 200`
check *args:
    cargo run --release -- check {{args}}

# Tests that need Rust alone
test *args:
    cargo test {{args}}

# Formatting and lints as CI sees them
lint:
    .ci/run fmt clippy

# Formats the workspace and the packages outside of it
fmt:
    cargo fmt --all
    cargo fmt --manifest-path interop/bench/Cargo.toml
    cargo fmt --manifest-path interop/rdkafka/Cargo.toml
    cargo fmt --manifest-path fuzz/Cargo.toml

# Documentation; a warning is an error
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features

# In-process benchmarks, then the one over TCP next to librdkafka's mock (needs a C compiler)
bench: bench-core bench-tcp

bench-core:
    cargo bench

bench-tcp *args:
    cargo build --release -p kafka-sim-cli
    cargo run --release --manifest-path interop/bench/Cargo.toml -- --sim "${CARGO_TARGET_DIR:-target}/release/kafka-sim" {{args}}

# Every planted flaw is found by searching: `just mutants --json`, `just mutants elr-off`
mutants *args:
    cargo run --release --features mutants -p kafka-sim-cli -- mutants {{args}}

# The `kafka-sim` that searches fastest, optimised for what it was seen to do (needs `rustup component add llvm-tools`)
pgo seeds="400":
    #!/usr/bin/env bash
    set -euo pipefail
    work=$(realpath -m "${CARGO_TARGET_DIR:-target}/pgo")
    profdata=$(find "$(rustc --print sysroot)" -name 'llvm-profdata*' -print -quit)
    [[ $profdata ]] || { echo "no llvm-profdata: rustup component add llvm-tools" >&2; exit 1; }
    rm -rf "$work/profiles"
    build() { CARGO_TARGET_DIR=$work/$1 RUSTFLAGS=$2 cargo build --release -p kafka-sim-cli; }
    build watched "-Cprofile-generate=$work/profiles"
    "$work/watched/release/kafka-sim" soak --seeds {{seeds}} --json >"$work/watched.json"
    "$profdata" merge --output "$work/soak.profdata" "$work/profiles"
    build fast "-Cprofile-use=$work/soak.profdata"
    ls "$work/fast/release/kafka-sim"

# The same hashes twice, and in debug and release
determinism seeds="5":
    .ci/determinism {{seeds}}

# The crates that forbid I/O build where there is none
wasm:
    .ci/run wasm

# Foreign clients against the built binary
interop: interop-python interop-kcat interop-kafkajs interop-rdkafka interop-page

# confluent-kafka and kafka-python
interop-python *args:
    cargo build --release -p kafka-sim-cli
    interop/python/run {{args}}

# Debian's kcat: reading by assignment, then a group
interop-kcat:
    cargo build --release -p kafka-sim-cli
    interop/kcat/run
    interop/kcat/groups

# Pages in headless Chromium
interop-page:
    cargo build --release -p kafka-sim-cli
    interop/page/run

# kafkajs (needs Node.js 20 or newer)
interop-kafkajs *args:
    cargo build --release -p kafka-sim-cli
    interop/kafkajs/run {{args}}

# librdkafka in the same process as the server, while leaders and coordinators die (needs a C compiler)
interop-rdkafka *args:
    cargo test --release --manifest-path interop/rdkafka/Cargo.toml {{args}}

# Every fuzz target for some seconds (needs a nightly compiler)
fuzz-smoke seconds="10":
    .ci/fuzz-smoke {{seconds}}

# All of CI, or the steps named
ci *steps:
    .ci/run {{steps}}
