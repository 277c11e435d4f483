# The userspace rig: the same core in a process, on a TAP device.
# shellcheck disable=SC2034,SC2154  # limit_*: for the runner
. ./traffic.sh

setup() {
    dominoes-rig tap --replicas 4 --device rig0 --address 10.78.0.1 >/run/rig &
    rig=$!
    wait_for 10 grep -q "^echo on" /run/rig
    ip addr add 10.78.0.2/24 dev rig0
    ip link set rig0 up
}

teardown() {
    kill "$rig"
    wait "$rig"
}

test_ping() { ping -c 2 -W 5 10.78.0.1; }

test_echo() {
    random_file /run/file 500k # less than the buffers hold: it is sent before it is read back
    talk linux connect 10.78.0.1 7 send /run/file fin receive /run/got
    same /run/file /run/got
}

test_echo_with_loss() {
    random_file /run/file 500k
    tc qdisc replace dev rig0 root netem loss 1% delay 2ms
    talk linux connect 10.78.0.1 7 send /run/file fin receive /run/got
    same /run/file /run/got
}
