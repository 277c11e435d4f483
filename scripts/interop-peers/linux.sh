# The peer is Linux, of the same kernel, in a namespace of its own behind a veth pair (the drawing is in e2e/lib.sh).
#
# A peer of scripts/interop is a file like this one, which defines
#   device              what Dominoes is attached to; lib.sh's $dominoes_address and $host_address are the addresses on
#                       it of Dominoes and of the host's own Linux
#   network_up          brings all of it up
#   network_like NETEM...  what happens to packets in both directions from now on
#   new_file BYTES      what is sent from now on: /run/sent; its hash is left in `sent_out`, and in `sent_in` that of
#                       what the peer sends
#   peer_sends ADDRESS  sends to port $port there, and closes
#   peer_listens        gets ready to receive at $receiver_address, $receiver_port
#   peer_receives       waits until all has come
#   peer_got            prints the hash of it
#   peer_ends           after each transfer, whatever came of it
# Of this peer several transfers go at once, each in a process of its own and with a `port` of its own; of others one, to
# 9000. Whatever waits for the network ends after $limit seconds; a function that fails says that the transfer did.

# shellcheck disable=SC2034,SC2154  # for interop-guest, and from there and lib.sh

device=dm0

# Makes an end of a veth pair that of a wire. Each segment is a packet of its own, that can be lost on its own: without
# offloads alone Linux's TCP would go on to build packets of several segments, which are cut up behind netem. And packets
# stay in order: else what netem lets go enters the backlog of whichever CPU that runs on, and two of those overtake
# each other.
end_of_wire() { # INTERFACE [COMMAND...]
    local interface=$1
    shift
    "$@" ethtool -K "$interface" tso off gso off gro off
    "$@" ip link set "$interface" gso_max_segs 1
    "$@" bash -c "echo 1 >/sys/class/net/$interface/queues/rx-0/rps_cpus"
}

network_up() {
    topology_up
    end_of_wire dm0
    end_of_wire peer0 peer
}

network_like() { impair limit 10000 "$@"; }

new_file() {
    random_file /run/sent "$1"
    sent_in=$(hash_of /run/sent)
    sent_out=$sent_in
}

peer_sends() { # ADDRESS
    peer timeout "$limit" bash -c "cat /run/sent >/dev/tcp/$1/$port"
}

peer_listens() {
    receiver_address=$peer_address
    receiver_port=$port
    peer timeout "$limit" nc -l -p "$port" </dev/null >"/run/peer.got.$port" &
    peer_process=$!
    wait_for 15 peer_listening "$port"
}

peer_receives() { wait "$peer_process"; }

peer_got() { hash_of "/run/peer.got.$port"; }

peer_ends() { :; }
