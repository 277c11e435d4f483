# `dominoes perf` and the stock iperf3 as each other's client and server.
# shellcheck disable=SC2034,SC2154  # limit_*: for the runner
. ./traffic.sh

moved_bytes() { # sent|received FILE BYTES: at least so many, says the end that wrote the file
    local bytes
    bytes=$(sed -n "/\"sum_$1\"/,/}/p" "$2" | json bytes)
    [[ $bytes -ge $3 ]] || fail "$1 '$bytes' bytes: $(cat "$2")"
}

peer_client() { # REPLICAS [iperf3 option...]
    local replicas=$1 server
    shift
    dominoes perf -s -1 --replicas "$replicas" --digest-interval 16 -J >/run/server.json &
    server=$!
    wait_for 10 dominoes_listening 5201
    peer iperf3 -c "$dominoes_address" -J "$@" >/run/client.json || fail "$(cat /run/client.json)"
    wait "$server"
    moved_bytes received /run/client.json 100000
    moved_bytes received /run/server.json 100000
    replicas_agreed /run/server.json "$replicas"
}

peer_server() { # REPLICAS [option...]
    local replicas=$1 server
    shift
    peer iperf3 -s -1 >/run/server.txt &
    server=$!
    wait_for 10 peer_listening 5201
    dominoes perf -c "$peer_address" --replicas "$replicas" --digest-interval 16 -J "$@" >/run/client.json ||
        fail "$(cat /run/client.json)"
    wait "$server"
    expect "sender|receiver" cat /run/server.txt
    moved_bytes received /run/client.json 100000
    replicas_agreed /run/client.json "$replicas"
}

test_iperf3_client_1() { peer_client 1 -t 1; }
test_iperf3_client_2() { peer_client 2 -t 1; }
test_iperf3_client_4() { peer_client 4 -t 1; }
test_iperf3_client_reverse_1() { peer_client 1 -t 1 -R; }
test_iperf3_client_reverse_2() { peer_client 2 -t 1 -R; }
test_iperf3_client_reverse_4() { peer_client 4 -t 1 -R; }
test_iperf3_server_1() { peer_server 1 -t 1; }
test_iperf3_server_2() { peer_server 2 -t 1; }
test_iperf3_server_4() { peer_server 4 -t 1; }
test_iperf3_server_reverse_1() { peer_server 1 -t 1 -R; }
test_iperf3_server_reverse_2() { peer_server 2 -t 1 -R; }
test_iperf3_server_reverse_4() { peer_server 4 -t 1 -R; }

# A number of bytes instead of a time. That all of them were sent ends an iperf3 test: a receiver may then still
# be short of the last ones.
test_iperf3_server_bytes() {
    peer_server 2 -n 4M
    moved_bytes sent /run/client.json $((4 << 20))
    peer_server 2 -n 4M -R
    moved_bytes sent /run/client.json $((4 << 20))
}
# So many that sequence numbers go round, and that offsets in the send buffer and counters need more than 32 bits.
limit_beyond_4_gb=180
test_beyond_4_gb() {
    [[ $slowness -eq 1 ]] || skip "takes too long here"
    peer_server 2 -n 4400M
    [[ $(json bytes_acked </run/client.json) -gt $((1 << 32)) ]] || fail "$(cat /run/client.json)"
}

test_iperf3_client_bytes() {
    peer_client 2 -n 4M
    moved_bytes sent /run/client.json $((4 << 20))
    peer_client 2 -n 4M -R
    moved_bytes sent /run/client.json $((4 << 20))
}

# For people: no -J.
test_plain_text() {
    peer iperf3 -s -1 >/dev/null &
    wait_for 10 peer_listening 5201
    dominoes perf -c "$peer_address" -t 2 -i 1 --replicas 2 >/run/client.txt
    wait
    expect "replicas:2 policy:greedy" cat /run/client.txt
    expect "0\.00-1\.0[0-9]* +sec .*bits/sec" cat /run/client.txt
    expect "1\.[0-9]*-2\.0[0-9]* +sec .*bits/sec" cat /run/client.txt
}

# Dominoes does not talk to itself on one device, but two tests in a row to one server must work.
test_server_serves_again() {
    dominoes perf -s >/dev/null &
    local server=$!
    wait_for 10 dominoes_listening 5201
    peer iperf3 -c "$dominoes_address" -n 1M -J >/run/client.json
    peer iperf3 -c "$dominoes_address" -n 1M -R -J >/run/client.json
    kill -TERM "$server"
    ends 10 "$server"
}
