# Flow control, and what ends, breaks off or never begins.
# shellcheck disable=SC2034,SC2154  # limit_*: for the runner
. ./traffic.sh

size=$((4 / slowness))m

# --- windows ---

# The peer sends probes into our closed window: its timer 04 in /proc/net/tcp.
peer_probes() { # PORT
    peer grep -qE "$(printf ':%04X 0[18] [^ ]+ 04:' "$1")" /proc/net/tcp
}

test_slow_reader() {
    random_file /run/file "$size"
    fifos /run/go
    dominoes cat -l -p 9000 --rcvbuf 64K --replicas 2 </dev/null | { read -r _ </run/go; cat; } >/run/got &
    local reader=$!
    wait_for 10 dominoes_listening 9000
    peer talk linux connect "$dominoes_address" 9000 send /run/file fin receive /dev/null &
    local writer=$!
    wait_for 20 peer_probes 9000
    [[ $(connection 9000 rcv_wnd) -lt 1500 ]] || fail "the window is $(connection 9000 rcv_wnd)"
    echo go >/run/go
    wait "$writer"
    wait "$reader"
    same /run/file /run/got
}

probed_again() { connection_exceeds 9001 segments_out "$1"; }

test_closed_window_of_peer() {
    random_file /run/file "$size"
    fifos /run/go
    peer talk linux listen 9001 rcvbuf 16384 fin wait /run/go receive /run/got &
    local reader=$!
    wait_for 10 peer_listening 9001
    dominoes cat "$peer_address" 9001 --replicas 4 --input /run/file >/dev/null &
    local writer=$!
    wait_for 20 connection_is 9001 snd_wnd 0
    local segments
    # Probes, some hundreds of milliseconds apart.
    segments=$(connection 9001 segments_out)
    wait_for 20 connection_exceeds 9001 segments_out $((segments + 1))
    connection_is 9001 snd_wnd 0 || fail "the window has opened"
    echo go >/run/go
    wait "$writer"
    wait "$reader"
    same /run/file /run/got
}

# Its retransmission timer, 01, has expired at least once.
peer_retransmits() { # PORT
    peer grep -qE "$(printf ':%04X 0[18] [^ ]+ 01:[0-9A-F]+ 0000000[1-9]' "$1")" /proc/net/tcp
}

# --- the peer vanishes, and perhaps comes back ---

flood_out() { # a sender without end; its PID is in `client`
    peer talk linux listen 9001 fin receive /dev/null 2>/dev/null &
    wait_for 10 peer_listening 9001
    dominoes cat "$peer_address" 9001 --replicas 4 </dev/zero >/dev/null 2>/run/error &
    client=$!
    wait_for 10 connection_exceeds 9001 bytes_acked 100000
}

flood_in() { # a receiver without end; its PID is in `server`
    dominoes cat -l -p 9000 --replicas 4 >/dev/null 2>/run/error </dev/null &
    server=$!
    wait_for 10 dominoes_listening 9000
    peer talk linux connect "$dominoes_address" 9000 flood 2>/dev/null &
    wait_for 10 connection_exceeds 9000 bytes_received 100000
}

interrupted() { # SIGNAL PID: ends at once, as somebody who was told to
    kill "-$1" "$2"
    ends 2 "$2"
    [[ $status -ne 0 ]] || fail "interrupted, but status 0"
    expect "interrupted" cat /run/error
}

test_peer_vanishes_while_sending() {
    local client
    flood_out
    ip -n peer link set peer0 down
    wait_for 10 connection_exceeds 9001 retransmits 0
    interrupted TERM "$client"
}

test_peer_vanishes_while_receiving() {
    local server
    flood_in
    ip -n peer link set peer0 down
    interrupted TERM "$server"
}

# Nobody need wait for ever: the option ends it, with the errno that a socket would give.
test_user_timeout() {
    peer talk linux listen 9001 fin receive /dev/null 2>/dev/null &
    wait_for 10 peer_listening 9001
    dominoes cat "$peer_address" 9001 --replicas 4 --user-timeout 2000 </dev/zero >/dev/null 2>/run/error &
    local client=$!
    wait_for 10 connection_exceeds 9001 bytes_acked 100000
    ip -n peer link set peer0 down
    ends 20 "$client"
    [[ $status -eq 1 ]] || fail "status $status"
    expect "Connection timed out" cat /run/error
}

# Not the link: the peer takes every packet and says nothing.
test_peer_falls_silent() {
    local client
    flood_out
    tc qdisc replace dev dm0 root netem loss 100%
    wait_for 10 connection_exceeds 9001 retransmits 0
    interrupted TERM "$client"
}

test_interrupted_by_sigint() {
    local client
    # A shell starts what runs in the background with SIGINT ignored; this brings it back.
    peer talk linux listen 9001 fin receive /dev/null 2>/dev/null &
    wait_for 10 peer_listening 9001
    (
        trap - INT
        exec dominoes cat "$peer_address" 9001 </dev/zero >/dev/null 2>/run/error
    ) &
    client=$!
    wait_for 10 connection_exceeds 9001 bytes_acked 100000
    interrupted INT "$client"
}

# The rest of the file is sent only when the link is down, so that some of it is lost whatever the speed.
test_peer_comes_back() {
    random_file /run/file "$size"
    fifos /run/input
    peer talk linux listen 9001 fin receive /run/got &
    local reader=$!
    wait_for 10 peer_listening 9001
    dominoes cat "$peer_address" 9001 --replicas 4 </run/input >/dev/null &
    local writer=$!
    exec 7>/run/input
    head -c 100000 /run/file >&7
    wait_for 10 connection_is 9001 bytes_acked 100000
    ip -n peer link set peer0 down
    tail -c +100001 /run/file >&7 &
    exec 7>&-
    wait_for 10 connection_exceeds 9001 retransmits 1
    ip -n peer link set peer0 up
    wait "$writer"
    wait "$reader"
    same /run/file /run/got
}

test_peer_comes_back_and_sends() {
    random_file /run/file "$size"
    head -c 100000 /run/file >/run/first
    tail -c +100001 /run/file >/run/rest
    fifos /run/go
    dominoes cat -l -p 9000 --replicas 4 </dev/null >/run/got &
    local reader=$!
    wait_for 10 dominoes_listening 9000
    peer talk linux connect "$dominoes_address" 9000 send /run/first wait /run/go send /run/rest fin receive /dev/null &
    local writer=$!
    wait_for 10 connection_is 9000 bytes_received 100000
    ip link set dm0 down
    echo go >/run/go
    wait_for 10 peer_retransmits 9000
    ip link set dm0 up
    wait "$writer"
    wait "$reader"
    same /run/file /run/got
}

# --- resets and refusals ---

test_reset_while_sending() {
    peer talk linux listen 9001 take 100000 /dev/null reset &
    wait_for 10 peer_listening 9001
    dominoes cat "$peer_address" 9001 --replicas 4 </dev/zero >/dev/null 2>/run/error &
    ends 10 $!
    [[ $status -eq 1 ]] || fail "status $status"
    expect "Connection reset by peer" cat /run/error
}

test_reset_while_receiving() {
    random_file /run/file 200000
    dominoes cat -l -p 9000 --replicas 4 </dev/null >/run/got 2>/run/error &
    local server=$!
    wait_for 10 dominoes_listening 9000
    peer talk linux connect "$dominoes_address" 9000 send /run/file reset
    ends 10 "$server"
    [[ $status -eq 1 ]] || fail "status $status"
    expect "Connection reset by peer" cat /run/error
}

# The peer's program is killed with data it has not read: its kernel resets the connection.
test_peer_killed() {
    fifos /run/go
    "${in_peer[@]}" talk linux listen 9001 wait /run/go &
    local server=$!
    wait_for 10 peer_listening 9001
    dominoes cat "$peer_address" 9001 --replicas 2 </dev/zero >/dev/null 2>/run/error &
    local client=$!
    wait_for 10 connection_exceeds 9001 bytes_acked 10000
    kill -KILL "$server"
    ends 10 "$client"
    [[ $status -eq 1 ]] || fail "status $status"
    expect "Connection reset by peer" cat /run/error
}

test_refused() {
    expect_failure "10\.77\.0\.2 port 9999: Connection refused" -- dominoes cat "$peer_address" 9999
    expect_failure "Connection refused" -- dominoes perf -c "$peer_address" -t 1
}

test_closed_port_of_ours() {
    expect_failure "Connection refused" -- peer talk linux connect "$dominoes_address" 9999
    [[ $(counter tcp_resets_out) == 1 ]] || fail "$(dominoes stats --nonzero)"
}

test_nobody_there() {
    expect_failure "No route to host|Host is unreachable|timed out" -- \
        timeout $((15 * slowness)) dominoes cat 10.77.0.99 9999
    [[ $(counter arp_failed) -ge 1 ]] || fail "$(dominoes stats --nonzero)"
}

test_nobody_there_interrupted() {
    dominoes cat 10.77.0.99 9999 </dev/null >/dev/null 2>/run/error &
    local client=$!
    wait_for 5 connection_is 9999 state SYN-SENT
    interrupted TERM "$client"
}

test_no_route() {
    expect_failure "Network is unreachable" -- dominoes cat 192.0.2.1 80
}

# Through a gateway: the peer forwards to an address of its own behind it.
test_gateway() {
    dominoes detach dm0
    attach via "$peer_address"
    ip -n peer addr add 192.0.2.1/32 dev lo
    peer talk linux serve 9001 1 &
    wait_for 10 peer_listening 9001
    talk dominoes repeat 192.0.2.1 9001 1
    wait
}

test_listener_interrupted() {
    dominoes cat -l -p 9000 </dev/null 2>/run/error &
    local server=$!
    wait_for 5 dominoes_listening 9000
    interrupted TERM "$server"
    ! dominoes_listening 9000 || fail "it still listens"
}

# --- one direction ends before the other ---

# We end first; the peer then sends all it has.
test_half_close_ours() {
    random_file /run/file "$size"
    echo request >/run/request
    peer talk linux listen 9001 receive /run/got.request send /run/file &
    local server=$!
    wait_for 10 peer_listening 9001
    dominoes cat "$peer_address" 9001 --replicas 2 --input /run/request >/run/got
    wait "$server"
    same /run/request /run/got.request
    same /run/file /run/got
}

# The peer ends first; what it awaits is sent only then.
test_half_close_of_peer() {
    random_file /run/file "$size"
    fifos /run/input
    dominoes cat -l -p 9000 --replicas 2 </run/input >/run/got.request &
    local server=$!
    exec 7>/run/input
    wait_for 10 dominoes_listening 9000
    echo request >/run/request
    peer talk linux connect "$dominoes_address" 9000 send /run/request fin receive /run/got 7>&- &
    local client=$!
    wait_for 10 connection_is 9000 state CLOSE-WAIT
    cat /run/file >&7
    exec 7>&-
    wait "$client"
    wait "$server"
    same /run/request /run/got.request
    same /run/file /run/got
}

# Both FINs cross on the way.
test_simultaneous_close() {
    tc qdisc replace dev dm0 root netem delay 200ms
    tc -n peer qdisc replace dev peer0 root netem delay 200ms
    fifos /run/input
    dominoes cat -l -p 9000 --replicas 2 </run/input >/run/got &
    local server=$!
    exec 7>/run/input
    wait_for 10 dominoes_listening 9000
    fifos /run/go
    peer talk linux connect "$dominoes_address" 9000 wait /run/go fin receive /dev/null 7>&- &
    local client=$!
    wait_for 10 connection_is 9000 state ESTAB
    echo go >/run/go 7>&- &
    exec 7>&-
    wait "$client"
    wait "$server"
    wait
    wait_for 10 only_time_wait
}
