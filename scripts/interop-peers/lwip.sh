# The peer is lwIP: tools/tests/guest/lwip_peer.cc, on the far end of the veth pair, beside the Linux that owns it.

# shellcheck disable=SC2034,SC2154  # for interop-guest, and from there and lib.sh
# shellcheck source=scripts/interop-peers/linux.sh
. ./linux.sh

lwip_address=10.77.0.4
lwip_process=
mkfifo /run/lwip
exec 7<>/run/lwip

network_up() {
    topology_up
    end_of_wire dm0
    end_of_wire peer0 peer
    # lwIP checks checksums that Linux on both ends of a veth pair leaves out.
    ethtool -K dm0 tx off >/dev/null
}

start_lwip() { # WORD...
    "${in_peer[@]}" timeout "$limit" lwip-peer peer0 "$lwip_address" /run/lwip "$@" <&0 &
    lwip_process=$!
}

lwip_is() { # STATE
    local state
    read -r -t "$limit" -u 7 state && [[ $state == "$1" ]]
}

peer_sends() { # ADDRESS
    start_lwip send "$1" "$port" </run/sent
    lwip_is ended
}

peer_listens() {
    receiver_address=$lwip_address
    receiver_port=$port
    start_lwip receive "$port" </dev/null >"/run/peer.got.$port"
    lwip_is listening
}

peer_receives() { lwip_is ended; }

peer_ends() {
    local state
    [[ -n $lwip_process ]] || return 0
    kill "$lwip_process" 2>/dev/null || true
    wait "$lwip_process" || true
    lwip_process=
    while read -r -t 0.1 -u 7 state; do :; done
}
