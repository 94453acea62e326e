# shellcheck shell=bash
# What the local scripts share: where things are, how they speak, how a process is started in the background and found again.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LOCAL_DIR=${LOCAL_DIR:-$ROOT/.local}
mkdir -p "$LOCAL_DIR/run" "$LOCAL_DIR/logs"
LOCAL_DIR=$(cd "$LOCAL_DIR" && pwd)
RUN_DIR=$LOCAL_DIR/run
LOG_DIR=$LOCAL_DIR/logs
export LOCAL_DIR
SUPERVISE=$ROOT/deploy/local/supervise

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' YELLOW=$'\e[33m' PLAIN=$'\e[0m'
else
    BOLD='' DIM='' RED='' GREEN='' YELLOW='' PLAIN=''
fi
export BOLD DIM RED GREEN YELLOW PLAIN

say() { printf '%s==>%s %s\n' "$BOLD" "$PLAIN" "$*"; }
note() { printf '    %s\n' "$*"; }
warn() { printf '%swarning:%s %s\n' "$YELLOW" "$PLAIN" "$*" >&2; }

# die MESSAGE [WHAT TO DO]...
die() {
    printf '%serror:%s %s\n' "$RED" "$PLAIN" "$1" >&2
    shift
    local line
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit 1
}

# at_least MINIMUM VERSION
at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -1)" = "$1" ]; }

have() { command -v "$1" >/dev/null 2>&1; }

# --- ports

# Somebody listens there.
port_in_use() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Nobody could listen there: somebody does, or an outgoing connection of this machine has the port meanwhile. Connections
# that have ended (TIME-WAIT) are in nobody's way.
port_is_taken() {
    port_in_use "$1" || { have ss && [[ $(ss -Htan exclude time-wait "sport = :$1" 2>/dev/null) =~ ' 127.0.0.1:'"$1"' '|' *:'"$1"' '|' 0.0.0.0:'"$1"' ' ]]; }
}

# Between choosing a free port and listening there another checkout could choose the same: only one of this machine's local
# platforms does that at a time. Whoever may not use the lock goes on without it.
lock_ports() {
    local file=/tmp/cryptolens-ports.lock
    have flock || return 0
    (umask 000 && : >>"$file") 2>/dev/null || true
    { exec 7<"$file" && flock -w 120 7; } 2>/dev/null || true
}

unlock_ports() { exec 7<&-; }

# Who listens on a port, as far as this user may know.
port_owner() {
    local owner=''
    if have ss; then
        owner=$(ss -ltnpH "sport = :$1" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (pid \2)/p' | head -1)
    fi
    if [ -z "$owner" ] && have lsof; then
        owner=$(lsof -nP -iTCP:"$1" -sTCP:LISTEN -Fcp 2>/dev/null | tr -d '\n' | sed -n 's/^p\([0-9]*\).*c\([^f]*\).*/\2 (pid \1)/p')
    fi
    printf '%s' "${owner:-another program}"
}

# --- background processes
# A pid alone can be stale and belong to someone else by now, so the pid file also keeps when the process started.

process_birth() {
    local fields
    if [ -r "/proc/$1/stat" ]; then
        # The name in field 2 may contain blanks: count from behind its closing bracket.
        read -ra fields < <(sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null) || true
        # One that has ended stays listed until its parent has noticed (Z), which after a crash can take a while.
        [[ ${fields[0]:-Z} != [ZX] ]] && printf '%s\n' "${fields[19]}"
    else
        ps -o lstart= -p "$1" 2>/dev/null
    fi
}

# pid_of NAME [process]: the pid of its supervisor (of the process itself) if that is running, else nothing and a failure.
pid_of() {
    local file=$RUN_DIR/$1.${2:-pid} pid birth
    [ -f "$file" ] || return 1
    { read -r pid && read -r birth; } <"$file" || return 1
    [ -n "$pid" ] && [ "$(process_birth "$pid")" = "$birth" ] && printf '%s' "$pid"
}

# remember_pid NAME PID [process]
remember_pid() {
    local birth file=$RUN_DIR/$1.${3:-pid}
    birth=$(process_birth "$2") || true
    printf '%s\n%s\n' "$2" "$birth" >"$file.new"
    mv "$file.new" "$file"
}

# How often the process NAME has ended since its supervisor started.
ends_of() { cat "$RUN_DIR/$1.ends" 2>/dev/null || echo 0; }

# spawn NAME STOP_SIGNAL COMMAND...: starts it under supervision, in a session of its own (Ctrl-C here does not reach it), output
# to logs/NAME.log.
spawn() {
    end_leftover "$1"
    setsid "$SUPERVISE" "$LOCAL_DIR" "$@" >>"$LOG_DIR/$1.log" 2>&1 </dev/null 9>&- 7<&- &
    remember_pid "$1" $!
}

# exec_in ARRAY COMMAND...: becomes the command, with the variables of ARRAY (NAME=value each) and no others.
# `env -i NAME=value` would show them to everyone who runs ps.
exec_in() {
    local -n assignments=$1
    shift
    local name
    for name in $(compgen -e); do export -n "${name?}"; done
    export "${assignments[@]}"
    exec "$@"
}

# spawn_in ARRAY NAME COMMAND...: spawns it with the variables of ARRAY and no others.
spawn_in() {
    end_leftover "$2"
    exec_in "$1" setsid "$SUPERVISE" "$LOCAL_DIR" "$2" TERM "${@:3}" >>"$LOG_DIR/$2.log" 2>&1 </dev/null 9>&- 7<&- &
    remember_pid "$2" $!
}

# has_group PROCESS SUPERVISOR: whether anything runs in the group of this process, which was killed itself perhaps. The
# supervisor's session says that it is the same group and not a later one with the same number.
has_group() { ps -eo pgid=,sid=,stat= | awk -v group="$1" -v session="$2" '$1 == group && $2 == session && $3 !~ /^[ZX]/ { found = 1 } END { exit !found }'; }

# Ends what a supervisor left running that was killed itself: its process, or what that started and left behind.
end_leftover() {
    local process supervisor
    { read -r process <"$RUN_DIR/$1.process" && read -r supervisor <"$RUN_DIR/$1.pid"; } 2>/dev/null || return 0
    has_group "$process" "$supervisor" || return 0
    if pid_of "$1" process >/dev/null; then kill -TERM "$process" || true; else kill -TERM -- "-$process" || true; fi 2>/dev/null
    for _ in {1..100}; do
        has_group "$process" "$supervisor" || return 0
        sleep 0.1
    done
    kill -KILL -- "-$process" 2>/dev/null || true
}

# end_leftovers NAME...: before ports are chosen, because a leftover holds the one that it had.
end_leftovers() {
    local name
    for name in "$@"; do pid_of "$name" >/dev/null || end_leftover "$name"; done
}

# stop_process NAME SECONDS: asks it to stop, waits, then insists.
stop_process() {
    local name=$1 deadline=$((SECONDS + $2)) pid process
    pid=$(pid_of "$name") || { end_leftover "$name"; return 0; }
    kill -TERM "$pid" 2>/dev/null || true
    while pid_of "$name" >/dev/null; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            warn "$name did not stop within $2 s: killing it"
            process=$(pid_of "$name" process) || true
            kill -KILL "$pid" ${process:+-- "-$process"} 2>/dev/null || true
            sleep 0.2
            break
        fi
        sleep 0.1
    done
    rm -f "$RUN_DIR/$name.pid" "$RUN_DIR/$name.process"
}

# wait_for SECONDS NAME COMMAND...: polls until the command succeeds; gives up early when the process NAME cannot be started.
wait_for() {
    local deadline=$((SECONDS + $1)) name=$2 ends
    ends=$(ends_of "$name")
    shift 2
    until "$@" >/dev/null 2>&1; do
        if ! pid_of "$name" >/dev/null || [ "$(ends_of "$name")" -ge $((ends + 3)) ]; then return 2; fi
        if [ "$SECONDS" -ge "$deadline" ]; then return 1; fi
        sleep 0.2
    done
}

show_log_end() {
    printf '%s--- the end of %s%s\n' "$DIM" "$LOG_DIR/$1.log" "$PLAIN" >&2
    tail -n "${2:-15}" "$LOG_DIR/$1.log" >&2 2>/dev/null || true
    printf '%s---%s\n' "$DIM" "$PLAIN" >&2
}

# --- the servers' user and their data
# PostgreSQL refuses to run as root: where these scripts are root's, the private servers run as this user.

SERVER_USER=postgres

is_root() { [ "$(id -u)" -eq 0 ]; }

# Sets AS_SERVER, what to write before a command that runs as the servers' user.
become_server() {
    AS_SERVER=()
    is_root || return 0
    if ! id "$SERVER_USER" >/dev/null 2>&1; then
        die "PostgreSQL is not installed (there is no user $SERVER_USER)" "Run make install, or install the package postgresql."
    fi
    AS_SERVER=(setpriv "--reuid=$SERVER_USER" "--regid=$(id -g "$SERVER_USER")" --init-groups)
}

# Runs a command as the servers' user.
as_server() { "${AS_SERVER[@]}" "$@"; }

# prepare_data_dir NAME...: sets DATA_DIR, and makes a folder of the servers' user in it for each name. Root's folders are
# often closed to other users: the data then lives where that user can reach it.
prepare_data_dir() {
    if [ ! -e "$LOCAL_DIR/data" ]; then
        rm -f "$LOCAL_DIR/data"
        if is_root && ! as_server test -x "$LOCAL_DIR"; then
            local outside
            outside=/var/lib/cryptolens-local/$(printf '%s' "$LOCAL_DIR" | cksum | cut -d' ' -f1)
            mkdir -p "$outside"
            ln -s "$outside" "$LOCAL_DIR/data"
            note "user $SERVER_USER cannot enter $LOCAL_DIR: the servers' data is in $outside"
        else
            mkdir "$LOCAL_DIR/data"
        fi
    fi
    DATA_DIR=$(cd -P "$LOCAL_DIR/data" && pwd)
    local name
    for name in "$@"; do
        if [ ! -d "$DATA_DIR/$name" ]; then
            mkdir -m 700 "$DATA_DIR/$name"
            if is_root; then chown "$SERVER_USER:" "$DATA_DIR/$name"; fi
        fi
    done
}

# write_private FILE: standard input becomes the file, whole, readable for the servers' user only.
write_private() {
    # shellcheck disable=SC2016 # the inner shell expands these
    as_server sh -c 'umask 077 && cat >"$1.new" && mv "$1.new" "$1"' sh "$1"
}

# Only one of these scripts changes what runs under LOCAL_DIR at a time.
lock_local_dir() {
    have flock || return 0
    exec 9>"$LOCAL_DIR/lock"
    if ! flock -n 9; then
        note "waiting for another command that is working in $LOCAL_DIR" >&2
        flock 9
    fi
}

# Puts the Node.js that deploy/local/install brought, if any, first on the path.
use_local_node() {
    local folder
    for folder in "$LOCAL_DIR"/node/node_modules/node-linux-*/bin; do
        if [ -x "$folder/node" ]; then
            PATH=$folder:$LOCAL_DIR/node/node_modules/.bin:$PATH
            export PATH
        fi
    done
}

# The Rust toolchain's usual place, for shells that were opened before it was installed.
if ! have cargo && [ -x "$HOME/.cargo/bin/cargo" ]; then PATH=$HOME/.cargo/bin:$PATH; fi

# --- secrets

# 32 random bytes as 43 characters that need no quoting anywhere.
random_secret() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }

# 32 random bytes as 64 characters that need no escaping in a URL, in SQL or in a configuration file.
random_password() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }

# read_secret FILE NAME: what the line NAME=value of the file says, or nothing.
read_secret() { sed -n "s/^$2=//p" "$1" 2>/dev/null || true; }

# ensure_secret FILE NAME COMMAND...: the file gets a line NAME=<what the command prints> unless it has one.
# The file appears whole or not at all, and is never readable for others.
ensure_secret() (
    if have flock; then exec 8>"$LOCAL_DIR/secrets.lock" && flock 8; fi
    if [ -n "$(read_secret "$1" "$2")" ]; then
        chmod 600 "$1"
        exit
    fi
    new=$(mktemp "$1.XXXXXX")
    {
        if [ -f "$1" ]; then grep -v "^$2=" "$1" || true; fi
        printf '%s=%s\n' "$2" "$("${@:3}")"
    } >"$new"
    mv "$new" "$1"
)
