# Files arrive as they were sent, through networks of every kind, and whoever owns the effects.
# shellcheck disable=SC2034,SC2154  # limit_*: for the runner
. ./traffic.sh

size=$((8 / slowness))m
small=$((4 / slowness))m

test_clean_1() { both_ways "$size" 1; }
test_clean_4() { both_ways "$size" 4; }

# With stock nc, too.
test_nc() {
    random_file /run/file "$small"
    peer nc -l -p 9002 </dev/null >/run/got &
    local server=$!
    wait_for 10 peer_listening 9002
    dominoes cat -N "$peer_address" 9002 --replicas 2 </run/file
    wait "$server"
    same /run/file /run/got
}

# As much in both directions at the same time.
test_full_duplex() {
    random_file /run/file "$small"
    random_file /run/other "$small"
    dominoes cat -l -p 9000 --replicas 4 "${cat_options[@]}" --stats-file /run/stats \
        --input /run/other --output /run/got &
    local server=$!
    wait_for 10 dominoes_listening 9000
    peer talk linux connect "$dominoes_address" 9000 send /run/file fin receive /run/got.other &
    local client=$!
    wait "$client"
    wait "$server"
    same /run/file /run/got
    same /run/other /run/got.other
    replicas_agreed /run/stats 4
}

limit_netem_in=120
test_netem_in() {
    impair delay 5ms loss 1% reorder 5% 25%
    random_file /run/file "$size"
    file_in /run/file 4
}

limit_netem_out=120
test_netem_out() {
    ip link set dm0 gso_max_segs 1 # so many packets that some are lost
    impair delay 5ms loss 1% reorder 5% 25%
    random_file /run/file "$size"
    file_out /run/file 4
    [[ $(json bytes_retransmitted </run/stats) -gt 0 ]] || fail "nothing was lost"
}

limit_duplicate_corrupt_in=120
test_duplicate_corrupt_in() {
    peer ip link set peer0 gso_max_segs 1 # so many packets that some are corrupted
    impair delay 1ms duplicate 2% corrupt 1%
    random_file /run/file "$size"
    file_in /run/file 4
    [[ $(drops) -gt 0 ]] || fail "no corrupted packet was found: $(dominoes stats dm0 --nonzero)"
    [[ $(counter drop_tcp_checksum) -gt 0 ]] || fail "no segment's checksum was wrong"
}

limit_duplicate_corrupt_out=120
test_duplicate_corrupt_out() {
    impair delay 1ms duplicate 2% corrupt 1%
    random_file /run/file "$size"
    file_out /run/file 4
}

# Nearly every packet out of order.
test_reorder_much() {
    impair delay 3ms 3ms reorder 50% gap 3
    both_ways "$small" 4
}

# The narrowest place is the queue of the device, which says so when it is full.
test_full_queue() {
    ip link set dm0 gso_max_segs 1
    tc qdisc replace dev dm0 root netem rate 50mbit limit 20
    random_file /run/file "$small"
    file_out /run/file 4
    [[ $(counter tx_refused) -gt 0 ]] || fail "the queue was never full"
}

# --- offloads ---

test_gro_on() {
    ethtool -K dm0 gro on
    both_ways "$size" 4
}

test_gro_off() {
    ethtool -K dm0 gro off
    both_ways "$size" 4
}

test_no_segmentation_offload() {
    ethtool -K dm0 tso off gso off
    peer ethtool -K peer0 tso off gso off
    both_ways "$small" 4
}

test_no_checksum_offload() {
    ethtool -K dm0 tx off rx off >/dev/null
    peer ethtool -K peer0 tx off rx off >/dev/null
    both_ways "$small" 4
}

# Single segments on the wire, merged on arrival.
test_gro_of_single_segments() {
    ethtool -K dm0 gro on
    peer ethtool -K peer0 tso off gso off gro on
    both_ways "$small" 4
}

with_mtu() { # MTU
    ip link set dm0 mtu "$1"
    ip -n peer link set peer0 mtu "$1"
    both_ways "$small" 4
    local mss
    mss=$(json mss </run/stats)
    # 40 bytes of headers, 12 of timestamps
    [[ $mss -eq $(($1 - 52)) || $mss -eq $(($1 - 40)) ]] || fail "an MSS of $mss with an MTU of $1"
}
test_mtu_576() { with_mtu 576; }
test_mtu_1500() { with_mtu 1500; }
test_mtu_9000() { with_mtu 9000; }

# --- who owns the effects ---

with_policy() { # POLICY
    impair delay 1ms loss 0.5% reorder 5% 25%
    both_ways "$small" 4 --policy "$1"
    [[ $(json policy </run/stats) == "$1" ]] || fail "the policy is $(json policy </run/stats)"
}
test_policy_greedy() { with_policy greedy; }
test_policy_round_robin() { with_policy round-robin; }
test_policy_pinned() { with_policy pinned; }
test_policy_specialised() { with_policy specialised; }

# --- sizes ---

test_sizes() {
    local bytes
    for bytes in 0 1 1447 1448 1449 65535 65536 65537; do
        random_file /run/file "$bytes"
        dominoes cat -l -p 9000 --replicas 2 </dev/null >/run/got &
        local server=$!
        wait_for 10 dominoes_listening 9000
        peer talk linux connect "$dominoes_address" 9000 send /run/file fin receive /dev/null
        wait "$server"
        same /run/file /run/got
    done
}

test_small_buffers() { both_ways 1m 4 --sndbuf 16K --rcvbuf 16K; }
test_large_buffers() { both_ways "$size" 4 --sndbuf 16M --rcvbuf 16M; }
test_replicas_16() { both_ways "$small" 16; }
