# What end-to-end tests are written with. Sourced by scripts/e2e/run, in the guest, before each test.
#
#     root namespace                          |  namespace "peer"
#                                             |
#     Linux's stack        Dominoes           |   Linux's stack: iperf3, nc, ...
#     10.77.0.3/24         10.77.0.1/24       |   10.77.0.2/24
#            \              /                 |      |
#             +--- dm0 ----+----------- veth -+--- peer0
#
# One device has two owners: frames to 10.77.0.1 are taken by dominoes.ko, all others reach Linux.
#
# A test is a function test_NAME in a file *_test.sh beside this one. It runs in a shell of its own
# (set -eu, pipefail) between `setup` and `teardown`, which a file may define for itself; by default they
# bring up the topology, load the module and attach it. It passes by returning 0. `fail WHY` and
# `skip WHY` end it. The variable limit_NAME is its time limit in seconds (default 60), which the debug
# kernel gets four times over: `slowness` is that factor, for tests that wait on their own.

# The runner sets `slowness` and `skip_file`; tests may give arguments where nothing here does.
# shellcheck disable=SC2154,SC2119,SC2120

dominoes_address=10.77.0.1
peer_address=10.77.0.2
host_address=10.77.0.3

fail() {
    echo "FAIL: $*"
    exit 1
}

skip() {
    echo "$*" >"$skip_file"
    exit 0
}

# Runs a command in the peer's namespace.
peer() { ip netns exec peer "$@"; }

# prints WANTED COMMAND...: whether the command's output has a line matching the extended regex. In a pipe, a command
# that is still writing when `grep -q` has seen enough would be killed by SIGPIPE, and pipefail call that a failure.
prints() {
    local wanted=$1
    shift
    grep -qE -- "$wanted" <<<"$("$@")"
}

# expect WANTED COMMAND...: the command's output must contain a line matching the extended regex.
expect() {
    local wanted=$1 output status=0
    shift
    output=$("$@" 2>&1) || status=$?
    grep -qE -- "$wanted" <<<"$output" || fail "'$*' (status $status) did not print '$wanted' but: $output"
}

# expect_failure [WANTED] -- COMMAND...: the command must fail (and say so in those words).
expect_failure() {
    local wanted=. output
    [[ $1 == -- ]] || { wanted=$1; shift; }
    shift
    if output=$("$@" 2>&1); then fail "'$*' succeeded: $output"; fi
    [[ $wanted == . ]] || grep -qE -- "$wanted" <<<"$output" ||
        fail "'$*' failed without saying '$wanted': $output"
}

# wait_for SECONDS COMMAND...: until the command succeeds; SECONDS grow with `slowness`.
wait_for() {
    local tries=$(($1 * slowness * 10))
    shift
    while ! "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [[ $tries -gt 0 ]] || fail "waited in vain for: $*"
        sleep 0.1
    done
}

# In batches: in the debug kernel each start of a program takes a third of a second.
topology_up() {
    ip netns add peer
    ip link add dm0 type veth peer name peer0 netns peer
    topology_addresses
}

# For devices dm0 here and peer0 there.
topology_addresses() {
    ip -batch - <<END
addr add $host_address/24 dev dm0
link set dm0 up
END
    ip -n peer -batch - <<END
addr add $peer_address/24 dev peer0
link set lo up
link set peer0 up
END
    # Without carrier on both ends the first packets are lost, and every test begins with a retransmission.
    wait_for 5 grep -qx 1 /sys/class/net/dm0/carrier
}

topology_down() {
    ip link del dm0 2>/dev/null || true
    ip netns del peer 2>/dev/null || true
}

# What the network does to packets on their way to the peer and back: netem's words, as "delay 10ms loss 1%".
impair() {
    tc qdisc replace dev dm0 root netem "$@"
    tc -n peer qdisc replace dev peer0 root netem "$@"
}

module_load() { insmod /guest/dominoes.ko "$@"; }

module_unload() {
    # In use for a moment after the last endpoint closed: connections are taken down by then, or never.
    [[ ! -d /sys/module/dominoes ]] || wait_for 5 rmmod dominoes
}

attach() { dominoes attach dm0 "$dominoes_address/24" "$@"; }

setup() {
    topology_up
    module_load
    attach
}

teardown() {
    module_unload
    topology_down
}
