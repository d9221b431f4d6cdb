# What one does every day; `just` alone lists it.

_default:
    @just --list --unsorted

# Format the sources
fmt:
    cargo fmt --all

# Formatting, lints, licences and bans
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo deny check bans licenses sources

# Every test, on SQLite and on PostgreSQL
test *args:
    cargo nextest run --workspace {{ args }}

# Every test that breaks something, so many times as long (the service, PostgreSQL and restores killed, the network cut, the disk full,
# pages overwritten, clocks and platforms astray), from 10 on with the large simulation (1.2 million entries): hours. Each prints what
# was acknowledged, found, lost, doubled
torture times="20" *args:
    ZHIBU_TORTURE={{ times }} cargo nextest run --workspace --profile torture --no-capture {{ args }}

# What an answer costs in CPU time beside hand-written SQL (docs/benchmarks.md)
bench:
    cargo bench --bench load

# Durable entries a second beside hand-written inserts, and what ranks cost (docs/benchmarks.md)
bench-points *args:
    cargo bench --bench points -- {{ args }}

# What a subscriber costs, how fast a change reaches all, what a kept result costs (docs/benchmarks.md)
bench-live:
    cargo bench --bench live

# CPU time of the dearest documents before they are refused or planned (docs/benchmarks.md)
bench-guard:
    cargo bench --bench guard

# Twice the load that it can take for so many seconds: what is accepted, what is turned away, and that it recovers
overload seconds="300":
    cargo bench --bench overload -- {{ seconds }}

# Look for input that breaks something: one target of fuzz/targets.rs, or all, for so many seconds each
fuzz target="all" seconds="60":
    fuzz/run {{ target }} {{ seconds }}

# What a stranger's tool makes of the schema, sent to a demonstration of its own as nobody and as each role, every answer judged (needs
# Python 3); so many documents for each field of Query and Mutation
schemathesis examples="15":
    cargo build
    tests/schemathesis/run target/debug/zhibu {{ examples }}

# Everything that a change must pass, as the machine runs it
ci:
    .ci/run

# Print the schema into schema.graphql
schema:
    cargo run --quiet -- schema > schema.graphql

# Serve the demonstration district from ./zhibu-data
demo:
    cargo run --release -- serve --demo

# Build what the binary serves to browsers (needs Node)
web:
    cd web/graphiql && npm ci && npm run build
