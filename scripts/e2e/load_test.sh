# What Dominoes leaves of the machine.
# shellcheck disable=SC2154
. ./traffic.sh

# Ticks of CPU time that Dominoes' threads have taken.
thread_ticks() {
    local stat total=0 words
    for stat in /proc/[0-9]*/stat; do
        words=$(cat "$stat" 2>/dev/null) || continue
        [[ $words == *"(dominoes"* ]] || continue
        # After the name in parentheses: the state is the first word, utime and stime are the 12th and 13th.
        read -r -a words <<<"${words##*) }"
        total=$((total + words[11] + words[12]))
    done
    echo "$total"
}

threads() { grep -l '^dominoes' /proc/[0-9]*/comm 2>/dev/null | wc -l; }

test_idle_uses_no_cpu() {
    [[ $(threads) -gt 0 ]] || fail "no thread of Dominoes is known by its name"
    idles
}

idles() {
    local before after
    before=$(thread_ticks)
    sleep 2 # this is what is measured
    after=$(thread_ticks)
    [[ $((after - before)) -le 2 ]] || fail "$((after - before)) ticks in 2 s of idling"
}

# Connections that nobody uses cost nothing either.
test_idle_connection_uses_no_cpu() {
    fifos /run/go
    peer talk linux listen 9001 receive /dev/null &
    wait_for 10 peer_listening 9001
    talk dominoes connect "$peer_address" 9001 send /etc/passwd wait /run/go &
    local client=$!
    wait_for 10 connection_exceeds 9001 bytes_acked 10
    idles
    echo go >/run/go
    wait "$client"
}

milliseconds_of_commands() {
    local i start=${EPOCHREALTIME/./}
    for ((i = 0; i < 20; i++)); do
        date >/dev/null
        cat /proc/loadavg >/dev/null
    done
    echo $(((${EPOCHREALTIME/./} - start) / 1000))
}

# A full machine shares: with four busy replicas, an iperf3 and its receiver on two CPUs, a command takes a few times as long.
test_responsive_under_load() {
    local idle busy
    idle=$(milliseconds_of_commands)
    dominoes perf -s -1 --replicas 4 -J >/run/server.json &
    wait_for 10 dominoes_listening 5201
    "${in_peer[@]}" iperf3 -c "$dominoes_address" -t 1000 >/dev/null &
    local client=$!
    wait_for 10 connection_exceeds 5201 bytes_received 1000000
    busy=$(milliseconds_of_commands)
    echo "40 commands: $idle ms idle, $busy ms under load"
    [[ $busy -le $((10 * idle + 1000)) ]] || fail "40 commands took $busy ms, and $idle ms without load"
    ! ended "$client" || fail "the load ended before the test did"
    stop "$client"
    wait
}
