# Loading, attaching, and leaving at the worst moment.
# shellcheck disable=SC2034,SC2154  # limit_*: for the runner
. ./traffic.sh

# The runner sets `times`: how often what must hold every time is tried in a row.

test_rmmod_refuses_open_endpoint() {
    exec 7<>/dev/dominoes
    expect_failure "in use|busy|temporarily unavailable" -- rmmod dominoes
    exec 7>&-
    rmmod dominoes
    [[ ! -e /dev/dominoes ]] || fail "/dev/dominoes is still there"
}

test_rmmod_refuses_connection() {
    peer talk linux listen 9001 receive /dev/null 2>/dev/null &
    wait_for 10 peer_listening 9001
    fifos /run/go
    talk dominoes connect "$peer_address" 9001 wait /run/go &
    local client=$!
    wait_for 10 connection_is 9001 state ESTAB
    expect_failure "in use|busy|temporarily unavailable" -- rmmod dominoes
    stop "$client"
    wait_for 5 rmmod dominoes
}

test_without_module() {
    rmmod dominoes
    expect_failure "module" -- dominoes show
    expect_failure "module" -- attach
}

limit_load_and_unload=120
test_load_and_unload() {
    local i
    rmmod dominoes
    for ((i = 0; i < 20; i++)); do
        module_load
        attach
        rmmod dominoes
    done
}

limit_attach_and_detach=120
test_attach_and_detach() {
    local i
    for ((i = 0; i < 50; i++)); do
        dominoes detach dm0
        attach --replicas $((i % 4 + 1))
    done
    expect " 0% packet loss" peer ping -c 1 "$dominoes_address"
}

# The device's own doings while attached.
test_device_down_and_up() {
    ip link set dm0 down
    ip link set dm0 up
    wait_for 5 grep -qx 1 /sys/class/net/dm0/carrier
    expect " 0% packet loss" peer ping -c 1 -W 5 "$dominoes_address"
}

test_device_renamed() {
    ip link set dm0 down
    ip link set dm0 name dm9
    ip link set dm9 up
    expect "dm9 10\.77\.0\.1/24" dominoes show interfaces
    dominoes detach dm9
    ip link set dm9 down
    ip link set dm9 name dm0
}

test_device_leaves_namespace() {
    ip netns add other
    ip link set dm0 netns other
    wait_for 5 nothing_attached
    ip netns del other
}

nothing_attached() { [[ -z $(dominoes show interfaces) ]]; }

test_two_devices() {
    ip link add dm1 type veth peer name peer1 netns peer
    ip link set dm1 up
    ip -n peer addr add 10.78.0.2/24 dev peer1
    ip -n peer link set peer1 up
    dominoes attach dm1 10.78.0.1/24
    expect " 0% packet loss" peer ping -c 1 -W 5 10.78.0.1
    expect " 0% packet loss" peer ping -c 1 -W 5 "$dominoes_address"
    peer talk linux serve 9001 2 &
    wait_for 10 peer_listening 9001
    talk dominoes repeat 10.78.0.2 9001 1
    talk dominoes repeat "$peer_address" 9001 1
    wait
    dominoes detach dm0
    expect " 0% packet loss" peer ping -c 1 10.78.0.1
    ip link del dm1
    nothing_attached || fail "$(dominoes show)"
}

# --- under full traffic ---

there() { [[ -e $1 ]]; }

# Starts programs with as much traffic as they can make, both ways; their PIDs are in `sender`, `receiver`.
# All that is waited for are files: programs take long to start while this goes on.
full_traffic() {
    rm -f /run/listening.* /run/moving.*
    peer talk linux listen 9001 ready /run/listening.peer receive /dev/null 2>/dev/null &
    talk dominoes listen 9000 ready /run/listening.ours take 100000 /dev/null tell /run/moving.in receive /dev/null \
        2>/run/receiver.error &
    receiver=$!
    wait_for 10 there /run/listening.peer
    wait_for 10 there /run/listening.ours
    talk dominoes connect "$peer_address" 9001 send /run/file tell /run/moving.out flood 2>/run/sender.error &
    sender=$!
    peer talk linux connect "$dominoes_address" 9000 flood 2>/dev/null &
    wait_for 20 there /run/moving.in
    wait_for 20 there /run/moving.out
}

lost_network() { # PROGRAM PID
    ends 5 "$2"
    [[ $status -eq 1 ]] || fail "the $1 ended with status $status: $(cat "/run/$1.error")"
    expect "Network is down" cat "/run/$1.error"
}

# What the peer has running would go on trying for minutes.
end_peer() { killall -q -KILL talk || true; }

limit_detach_under_traffic=$((times * 12))
test_detach_under_traffic() {
    local i sender receiver
    random_file /run/file 100000
    for ((i = 0; i < times; i++)); do
        full_traffic
        echo "detaching, $i"
        dominoes detach dm0
        lost_network sender "$sender"
        lost_network receiver "$receiver"
        end_peer
        attach --replicas 4
    done
}

limit_device_removed_under_traffic=$((times * 12))
test_device_removed_under_traffic() {
    local i sender receiver
    random_file /run/file 100000
    for ((i = 0; i < times; i++)); do
        full_traffic
        echo "removing, $i"
        ip link del dm0
        lost_network sender "$sender"
        lost_network receiver "$receiver"
        nothing_attached || fail "$(dominoes show)"
        end_peer
        topology_down
        topology_up
        attach --replicas 4
    done
}

test_rmmod_after_device_removed() {
    local sender receiver
    random_file /run/file 100000
    full_traffic
    ip link del dm0
    lost_network sender "$sender"
    lost_network receiver "$receiver"
    rmmod dominoes
}

# The same as people see it.
test_cat_loses_device() {
    peer talk linux listen 9001 receive /dev/null 2>/dev/null &
    wait_for 10 peer_listening 9001
    dominoes cat "$peer_address" 9001 --replicas 4 </dev/zero >/dev/null 2>/run/sender.error &
    local sender=$!
    wait_for 10 connection_exceeds 9001 bytes_acked 100000
    dominoes detach dm0
    lost_network sender "$sender"
}

# An endpoint outlives its device: it keeps the error, and can be closed.
test_listener_loses_device() {
    dominoes cat -l -p 9000 </dev/null >/dev/null 2>/run/listener.error &
    local listener=$!
    wait_for 10 dominoes_listening 9000
    dominoes detach dm0
    ends 5 "$listener"
    [[ $status -eq 1 ]] || fail "status $status"
}
