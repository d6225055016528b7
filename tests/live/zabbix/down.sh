#!/usr/bin/env bash
# Stops the Zabbix that up.sh started with the same ZABBIX_PORT and ZABBIX_DATA, and nothing else. `--purge` deletes its data too.
set -euo pipefail

port=${ZABBIX_PORT:-18080}
data=${ZABBIX_DATA:-${TMPDIR:-/tmp}/zabbix-live-$port}
[ -d "$data/sockets" ] || exit 0

# A process is ours if its command line names our data directory.
finish() {
    local file=$1 signal=$2 pid
    [ -s "$file" ] || return 0
    pid=$(sed -n 1p "$file")
    grep -qaF -- "$data/" "/proc/$pid/cmdline" 2>/dev/null || return 0
    kill -s "$signal" "$pid"
    for _ in $(seq 150); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.2
    done
    echo "zabbix down: process $pid of $file goes on" >&2
    exit 1
}
finish "$data/sockets/nginx.pid" QUIT
finish "$data/sockets/php.pid" QUIT
finish "$data/sockets/zabbix_server.pid" TERM
finish "$data/pg/postmaster.pid" INT
[ "${1:-}" != --purge ] || rm -rf -- "$data"
