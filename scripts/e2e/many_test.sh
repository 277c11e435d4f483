# Many connections at once, and many one after the other.
# shellcheck disable=SC2034,SC2154  # limit_*: for the runner
. ./traffic.sh

count=$((20 / slowness))

files() {
    local i
    for ((i = 1; i <= count; i++)); do random_file "/run/file$i" 200k; done
}

# Each sends a file and gets it back.
test_many_to_dominoes() {
    files
    talk dominoes serve 9000 "$count" &
    local server=$! i clients=()
    wait_for 10 dominoes_listening 9000
    for ((i = 1; i <= count; i++)); do
        peer talk linux connect "$dominoes_address" 9000 send "/run/file$i" fin receive "/run/got$i" &
        clients+=($!)
    done
    for i in "${clients[@]}"; do wait "$i"; done
    wait "$server"
    for ((i = 1; i <= count; i++)); do same "/run/file$i" "/run/got$i"; done
    wait_for 10 only_time_wait
}

test_many_from_dominoes() {
    files
    peer talk linux serve 9001 "$count" &
    local server=$! i clients=()
    wait_for 10 peer_listening 9001
    for ((i = 1; i <= count; i++)); do
        talk dominoes connect "$peer_address" 9001 send "/run/file$i" fin receive "/run/got$i" &
        clients+=($!)
    done
    for i in "${clients[@]}"; do wait "$i"; done
    wait "$server"
    for ((i = 1; i <= count; i++)); do same "/run/file$i" "/run/got$i"; done
    wait_for 10 only_time_wait
}

# The same over a bad network, with every connection on four replicas.
limit_many_with_netem=120
test_many_with_netem() {
    dominoes detach dm0
    attach --replicas 4
    impair delay 5ms loss 1% reorder 5% 25%
    test_many_to_dominoes
}

short=$((200 / slowness))

test_short_to_dominoes() {
    talk dominoes serve 9000 "$short" &
    local server=$!
    wait_for 10 dominoes_listening 9000
    peer talk linux repeat "$dominoes_address" 9000 "$short"
    wait "$server"
    wait_for 10 only_time_wait
    [[ $(counter tcp_passive_opens) == "$short" ]] || fail "$(dominoes stats --nonzero)"
}

# Here it is Dominoes that keeps them in TIME-WAIT; the module must not wait for that when it goes.
test_short_from_dominoes() {
    peer talk linux serve 9001 "$short" &
    local server=$!
    wait_for 10 peer_listening 9001
    talk dominoes repeat "$peer_address" 9001 "$short"
    wait "$server"
    wait_for 10 only_time_wait
    expect "TIME-WAIT" dominoes show connections
    [[ $(counter tcp_active_opens) == "$short" ]] || fail "$(dominoes stats --nonzero)"
}

backlog_was_full() { [[ $(($(counter tcp_cookies_out) + $(counter drop_tcp_backlog))) -gt 0 ]]; }

# More at once than the listener's backlog holds, while nobody accepts: none is lost, for the peer tries again.
test_backlog() {
    talk dominoes serve 9000 $((2 * count)) backlog 2 &
    local server=$! i clients=()
    wait_for 10 dominoes_listening 9000
    kill -STOP "$server"
    echo message >/run/file
    for ((i = 1; i <= 2 * count; i++)); do
        peer talk linux connect "$dominoes_address" 9000 send /run/file fin receive "/run/got$i" &
        clients+=($!)
    done
    wait_for 10 backlog_was_full
    kill -CONT "$server"
    for i in "${clients[@]}"; do wait "$i"; done
    wait "$server"
    for ((i = 1; i <= 2 * count; i++)); do same /run/file "/run/got$i"; done
}
