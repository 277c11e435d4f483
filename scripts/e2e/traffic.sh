# Traffic between Dominoes and the peer, and what is known about it afterwards. Sourced by tests that need it,
# after lib.sh. Besides dominoes and stock tools it uses tools/tests/guest: `talk` is what nc would be if it
# did as told.

# in_peer and cat_options are for tests, which also give arguments where nothing here does.
# shellcheck disable=SC2034,SC2154,SC2119,SC2120

# --- state ---

# Values of a key in JSON, of the kind that iperf3 and dominoes print: one key a line.
json() { # KEY <JSON
    sed -nE "s/^[[:space:]]*\"$1\":[[:space:]]*\"?([^\",]*)\"?,?\$/\\1/p"
}

counter() { dominoes stats dm0 --json | json "$1"; }
reached() { [[ $(counter "$1") -ge $2 ]]; } # COUNTER VALUE
# All dropped packets but those named.
drops() {
    local total=0 name value
    while read -r name value _; do
        [[ $name != drop_* || " $* " == *" $name "* ]] || total=$((total + value))
    done < <(dominoes stats dm0)
    echo "$total"
}

# A value of the youngest connection that has this port at either end; empty if there is none.
connection() { # PORT KEY
    dominoes show connections --json | awk -v port=":$1\"" -v key="      \"$2\": " '
        /^    \{/ { block = "" }
        { block = block $0 "\n" }
        /^    \}/ {
            if (!index(block, port) || index(block, "\"LISTEN\"")) next
            count = split(block, lines, "\n")
            for (i = 1; i <= count; i++)
                if (index(lines[i], key) == 1) {
                    value = substr(lines[i], length(key) + 1)
                    gsub(/[",]/, "", value)
                    found = value
                }
        }
        END { if (found != "") print found }'
}
connection_is() { # PORT KEY VALUE
    [[ $(connection "$1" "$2") == "$3" ]]
}
connection_exceeds() { # PORT KEY VALUE
    local value
    value=$(connection "$1" "$2")
    [[ -n $value && $value -gt $3 ]]
}

dominoes_listening() { prints "LISTEN .*:$1 " dominoes show connections; } # PORT
only_time_wait() { [[ -z $(dominoes show connections | awk '/^(tcp|udp)/ && !/TIME-WAIT/') ]]; }
# A listening socket of Linux, in this namespace or the peer's.
listening_in() { # PORT [COMMAND...]
    local port=$1
    shift
    "$@" grep -qsE "$(printf ':%04X 0+:0000 0A' "$port")" /proc/net/tcp /proc/net/tcp6
}
listening() { listening_in "$1"; }
peer_listening() { listening_in "$1" peer; }

# --- programs in the background ---

# For those of the peer that will be killed: `peer` is a function, which has a shell of its own in the background.
in_peer=(ip netns exec peer)

ended() { [[ ! -e /proc/$1 ]] || grep -q '^State:.Z' "/proc/$1/status"; }
# Waits until the process ends, not for long; `status` is then its exit status.
ends() { # SECONDS PID
    wait_for "$1" ended "$2"
    status=0
    wait "$2" || status=$?
}
# The process ends well.
succeeds() { # SECONDS PID
    ends "$@"
    [[ $status -eq 0 ]] || fail "a program ended with status $status"
}

# Ends a program that would go on; rmmod refuses as long as it has an endpoint.
stop() { # PID
    kill "$1"
    wait "$1" || true
}

# For the steps `wait FIFO` of talk, and others that shall wait: `echo go >FIFO` lets them go on.
fifos() { # PATH...
    rm -f "$@"
    mkfifo "$@"
}

# --- files ---

random_file() { head -c "$2" /dev/urandom >"$1"; } # PATH BYTES

same() { # FILE FILE
    cmp "$1" "$2" || fail "$(wc -c <"$1") bytes were sent, $(wc -c <"$2") arrived; they differ"
}

# What -J wrote: the replicas agreed, and were compared if there were several; unless `late` says that one of them
# may not have come so far when the program ended.
replicas_agreed() { # FILE REPLICAS
    local checks mismatches replicas
    checks=$(json digest_checks <"$1")
    mismatches=$(json digest_mismatches <"$1")
    replicas=$(json replicas <"$1")
    [[ $replicas == "$2" ]] || fail "'$replicas' replicas, not $2"
    [[ $mismatches == 0 ]] || fail "'$mismatches' digests differed"
    [[ $2 -eq 1 || $checks -gt 0 || -n ${late:-} ]] || fail "'$checks' digests compared"
}

# Words of `dominoes cat` for each transfer; the interval is short so that small files are checked often.
cat_options=(-J --digest-interval 16)

# A file from the peer to Dominoes.
file_in() { # FILE REPLICAS [OPTION...]
    local file=$1 replicas=$2 server
    shift 2
    dominoes cat -l -p 9000 --replicas "$replicas" "${cat_options[@]}" --stats-file /run/stats "$@" \
        </dev/null >/run/got &
    server=$!
    wait_for 10 dominoes_listening 9000
    peer talk linux connect "$dominoes_address" 9000 send "$file" fin receive /dev/null
    wait "$server"
    same "$file" /run/got
    replicas_agreed /run/stats "$replicas"
}

# A file from Dominoes to the peer.
file_out() { # FILE REPLICAS [OPTION...]
    local file=$1 replicas=$2 server
    shift 2
    peer talk linux listen 9001 fin receive /run/got &
    server=$!
    wait_for 10 peer_listening 9001
    dominoes cat "$peer_address" 9001 --replicas "$replicas" "${cat_options[@]}" --stats-file /run/stats \
        --input "$file" "$@" >/dev/null
    wait "$server"
    same "$file" /run/got
    replicas_agreed /run/stats "$replicas"
}

both_ways() { # BYTES REPLICAS [OPTION...]
    local bytes=$1
    shift
    random_file /run/file "$bytes"
    file_in /run/file "$@"
    file_out /run/file "$@"
}
