#!/usr/bin/env bash
# Starts a throw-away Zabbix 6.0 from Debian's packages, reachable from this machine only, and prints the address of its API.
#
# It brings its own PostgreSQL cluster (a Unix socket, no port), zabbix_server, php-fpm and nginx, all below one data directory, and touches
# no service of the system. Run it again whenever you like: what is up stays up. Needs root, because each daemon runs as its own user.
# User Admin, password zabbix. down.sh stops it.
#
#   ZABBIX_PORT          port of the API on 127.0.0.1                       (18080)
#   ZABBIX_TRAPPER_PORT  where zabbix_server takes values                    (ZABBIX_PORT + 1)
#   ZABBIX_DATA          data directory, short and open to all users         (TMPDIR/zabbix-live-ZABBIX_PORT)
#   ZABBIX_MEMORY        PHP's memory limit for one request                  (128M, the default of PHP)
set -euo pipefail

port=${ZABBIX_PORT:-18080}
trapper=${ZABBIX_TRAPPER_PORT:-$((port + 1))}
data=${ZABBIX_DATA:-${TMPDIR:-/tmp}/zabbix-live-$port}
memory=${ZABBIX_MEMORY:-128M}
sockets=$data/sockets
api=http://127.0.0.1:$port/api_jsonrpc.php

note() { printf 'zabbix up: %s\n' "$*" >&2; }
fail() { note "$*"; exit 1; }
running() { [ -s "$1" ] && kill -0 "$(sed -n 1p "$1")" 2>/dev/null; }
query() { runuser -u postgres -- psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --host "$sockets" --username zabbix "$@"; }

[ "$(id -u)" -eq 0 ] || fail "run it as root"
[ ${#sockets} -le 80 ] || fail "ZABBIX_DATA makes a Unix socket path that is too long: $data"

install_packages() {
    local wanted=() name guard=/usr/sbin/policy-rc.d guarded=
    for name in curl postgresql nginx-light php8.2-fpm php8.2-pgsql php8.2-curl zabbix-frontend-php zabbix-server-pgsql; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null || true)" = installed ] || wanted+=("$name")
    done
    [ ${#wanted[@]} -gt 0 ] || return 0
    note "installing ${wanted[*]}"
    # 101 tells the packages' scripts not to start their services.
    if [ ! -e $guard ]; then
        printf '#!/bin/sh\nexit 101\n' >$guard
        chmod +x $guard
        guarded=yes
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "${wanted[@]}" >&2 || {
        apt-get update -qq >&2
        DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "${wanted[@]}" >&2
    }
    [ -z "$guarded" ] || rm -f $guard
}

make_directories() {
    local user
    install -d -m 755 "$data" "$data/conf"
    install -d -m 1777 "$sockets" "$data/logs" "$data/scratch"
    for user in postgres zabbix www-data; do
        runuser -u $user -- test -w "$sockets" || fail "user $user cannot enter $data; choose another ZABBIX_DATA"
    done
}

start_database() {
    local bin schema=/usr/share/zabbix-server-pgsql
    bin=$(dirname "$(find /usr/lib/postgresql -name initdb | sort -V | tail -n 1)")
    if [ ! -e "$data/pg/PG_VERSION" ]; then
        note "making a database cluster"
        install -d -o postgres -g postgres -m 700 "$data/pg"
        runuser -u postgres -- "$bin/initdb" -D "$data/pg" -U zabbix -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$data/logs/initdb"
        # It is thrown away, so nothing needs to survive a power cut.
        printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$sockets'" 'fsync = off' 'synchronous_commit = off' \
            'full_page_writes = off' 'max_connections = 80' >>"$data/pg/postgresql.conf"
    fi
    runuser -u postgres -- "$bin/pg_ctl" -D "$data/pg" status >/dev/null ||
        runuser -u postgres -- "$bin/pg_ctl" -D "$data/pg" -w -l "$data/logs/postgresql" start >/dev/null
    if ! query -d zabbix -c 'select 1' >/dev/null 2>&1; then
        note "loading the schema"
        query -d postgres -c 'drop database if exists loading' -c 'create database loading' 2>"$data/logs/schema"
        zcat $schema/schema.sql.gz $schema/images.sql.gz $schema/data.sql.gz | query -d loading -f - >>"$data/logs/schema"
        query -d postgres -c 'alter database loading rename to zabbix' # only a whole one gets the name
    fi
}

start_server() {
    cat >"$data/conf/server" <<CONF
User=zabbix
ListenIP=127.0.0.1
ListenPort=$trapper
LogFile=$data/logs/zabbix_server
PidFile=$sockets/zabbix_server.pid
SocketDir=$sockets
DBHost=$sockets
DBName=zabbix
DBUser=zabbix
CacheUpdateFrequency=1
ServiceManagerSyncFrequency=1
StartPollers=1
StartTrappers=2
StartPingers=0
StartHTTPPollers=0
CONF
    running "$sockets/zabbix_server.pid" || zabbix_server -c "$data/conf/server"
}

start_frontend() {
    # Debian's frontend reads this one file; the pool says which instance it serves, so that several can share it.
    local settings=/etc/zabbix/zabbix.conf.php mark='throw-away Zabbix for tests'
    if [ -e $settings ] && ! grep -qE "throw-away Zabbix" $settings; then
        fail "$settings belongs to another Zabbix"
    fi
    cat >$settings <<PHP
<?php // $mark
\$DB = ['TYPE' => 'POSTGRESQL', 'SERVER' => getenv('ZBX_DB_HOST'), 'PORT' => '5432', 'DATABASE' => 'zabbix',
    'USER' => 'zabbix', 'PASSWORD' => '', 'SCHEMA' => '', 'DOUBLE_IEEE754' => true];
\$ZBX_SERVER = '127.0.0.1';
\$ZBX_SERVER_PORT = getenv('ZBX_SERVER_PORT');
\$ZBX_SERVER_NAME = '';
\$IMAGE_FORMAT_DEFAULT = IMAGE_FORMAT_PNG;
PHP
    cat >"$data/conf/php" <<CONF
[global]
pid = $sockets/php.pid
error_log = $data/logs/php
[zabbix]
user = www-data
group = www-data
listen = $sockets/php.sock
listen.owner = www-data
pm = static
pm.max_children = 6
env[ZBX_DB_HOST] = $sockets
env[ZBX_SERVER_PORT] = $trapper
php_admin_value[session.save_path] = $data/scratch
php_admin_value[date.timezone] = UTC
php_admin_value[memory_limit] = $memory
php_admin_value[post_max_size] = 16M
php_admin_value[max_execution_time] = 300
CONF
    cat >"$data/conf/nginx" <<CONF
user www-data;
pid $sockets/nginx.pid;
error_log $data/logs/nginx;
worker_processes 1;
events { worker_connections 256; }
http {
    access_log off;
    client_max_body_size 16m;
    client_body_temp_path $data/scratch/body;
    fastcgi_temp_path $data/scratch/fastcgi;
    proxy_temp_path $data/scratch/proxy;
    uwsgi_temp_path $data/scratch/uwsgi;
    scgi_temp_path $data/scratch/scgi;
    gzip on;
    gzip_types application/json;
    server {
        listen 127.0.0.1:$port;
        root /usr/share/zabbix;
        index index.php;
        location ~ \.php\$ {
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME \$document_root\$fastcgi_script_name;
            fastcgi_pass unix:$sockets/php.sock;
            fastcgi_read_timeout 300s;
        }
    }
}
CONF
    running "$sockets/php.pid" || php-fpm8.2 --daemonize --fpm-config "$data/conf/php"
    running "$sockets/nginx.pid" || nginx -c "$data/conf/nginx" -e "$data/logs/nginx"
}

wait_until_ready() {
    local login='{"jsonrpc":"2.0","method":"user.login","params":{"username":"Admin","password":"zabbix"},"id":1}' try
    for try in $(seq 120); do
        if curl -sS -m 10 -H 'Content-Type: application/json-rpc' -d "$login" "$api" 2>/dev/null | grep -q '"result"' &&
            (exec 3<>"/dev/tcp/127.0.0.1/$trapper") 2>/dev/null; then
            note "ready, data in $data"
            echo "$api"
            return 0
        fi
        sleep 0.5
    done
    tail -n 20 "$data"/logs/* >&2
    fail "it did not come up within a minute"
}

install_packages
make_directories
start_database
start_server
start_frontend
wait_until_ready
