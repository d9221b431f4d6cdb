#!/bin/sh
# Starts a PostgreSQL cluster for one run of the tests and ends it when the run is over.
#
# cargo-nextest runs this before the tests (.config/nextest.toml). Every test is a process of its own and
# finds the cluster by ZHIBU_TEST_DATABASE_URL; where that is set already, that server is used as it is,
# by a user that may create databases. Needs initdb and postgres, nothing else of PostgreSQL.
set -eu

as_owner() {
    if [ -z "$owner" ]; then
        "$@"
    elif command -v setpriv >/dev/null; then
        setpriv --reuid "$owner" --regid "$(id -g "$owner")" --clear-groups -- "$@"
    else
        su -s /bin/sh -c 'exec "$@"' -- "$owner" sh "$@"
    fi
}

# Second half, in a session of its own: holds the server, and ends it once the runner is gone (finished,
# interrupted or killed), because nobody tells a setup script that the run is over.
if [ "${1:-}" = hold ]; then
    runner=$2 dir=$3 bin=$4 owner=$5
    trap '' HUP INT
    cd "$dir"
    as_owner "$bin/postgres" -D "$dir/data" &
    server=$!
    while kill -0 "$runner" 2>/dev/null && kill -0 "$server" 2>/dev/null; do sleep 1; done
    # QUIT is an immediate shutdown: nothing in there is worth a checkpoint.
    kill -QUIT "$(head -n 1 "$dir/data/postmaster.pid")" 2>/dev/null || true
    wait "$server" || true
    # What did not start leaves its log for the first half to show.
    [ -e "$dir/started" ] && rm -rf "$dir"
    exit 0
fi

# The loud line says why; under CI nothing may be skipped.
give_up() {
    if [ -n "${CI:-}" ]; then
        echo "FAILED: PostgreSQL tests cannot run: $1" >&2
        exit 1
    fi
    echo "SKIPPED: PostgreSQL tests do not run: $1" >&2
    echo "ZHIBU_TEST_POSTGRES_MISSING=$1" >>"$NEXTEST_ENV"
    exit 0
}

[ -z "${ZHIBU_TEST_DATABASE_URL:-}" ] || exit 0
self=$(readlink -f "$0")

# The PATH may hold links into the folder where the programs stand together; Debian's is not on it at all.
bin=$(command -v initdb || true)
if [ -n "$bin" ]; then
    bin=$(dirname "$(readlink -f "$bin")")
else
    for folder in /usr/lib/postgresql/*/bin; do bin=$folder; done
fi
[ -x "$bin/initdb" ] && [ -x "$bin/postgres" ] ||
    give_up "no initdb and postgres on PATH or under /usr/lib/postgresql"

# Under /tmp whatever TMPDIR says: a socket's path has at most 107 bytes.
dir=$(mktemp -d /tmp/zhibu-postgres.XXXXXX)
# PostgreSQL refuses to run as root, so root hands the cluster to somebody else.
owner=
if [ "$(id -u)" = 0 ]; then
    owner=postgres
    id "$owner" >/dev/null 2>&1 || owner=nobody
    chown "$owner" "$dir"
fi
give_up_starting() {
    sed 's/^/    /' "$dir/log" >&2
    rm -rf "$dir"
    give_up "$1"
}

# The owner may not be allowed into the folder we were started in.
cd "$dir"
# An ICU collation, where the build has one: an order that forgets COLLATE "C" shows.
initialize() {
    as_owner "$bin/initdb" --pgdata "$dir/data" --username postgres --auth trust --encoding UTF8 \
        --no-sync --no-instructions "$@" >>"$dir/log" 2>&1
}
initialize --locale C.UTF-8 --locale-provider icu --icu-locale zh || initialize --locale C.UTF-8 ||
    initialize --locale C || give_up_starting "initdb failed"

# A socket in a folder of its own and no TCP: no port can collide.
cat >>"$dir/data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$dir'
max_connections = 200
fsync = on
CONF

session=$(command -v setsid || true)
$session sh "$self" hold "$PPID" "$dir" "$bin" "$owner" </dev/null >>"$dir/log" 2>&1 &
holder=$!
tries=0
until [ "$(sed -n 8p "$dir/data/postmaster.pid" 2>/dev/null | tr -d ' ')" = ready ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 600 ] || ! kill -0 "$holder" 2>/dev/null; then
        kill -QUIT "$(head -n 1 "$dir/data/postmaster.pid" 2>/dev/null)" 2>/dev/null || true
        give_up_starting "the cluster did not start"
    fi
    sleep 0.1
done
touch "$dir/started"

echo "ZHIBU_TEST_DATABASE_URL=postgres://postgres@localhost/postgres?host=$dir" >>"$NEXTEST_ENV"
