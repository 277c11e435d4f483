# The peer is a program with a TCP of its own, on the far end of the veth pair, beside the Linux that owns it: $program
# of tools/tests/guest, whose usage is that of lwip_peer.cc.

# shellcheck disable=SC2034,SC2154  # for interop-guest, and from there and lib.sh
# shellcheck source=scripts/interop-peers/linux.sh
. ./linux.sh

program_address=10.77.0.4
program_process=
mkfifo /run/program
exec 7<>/run/program

network_up() {
    topology_up
    end_of_wire dm0
    end_of_wire peer0 peer
    # It checks checksums, which Linux on both ends of a veth pair leaves out.
    ethtool -K dm0 tx off >/dev/null
}

start_program() { # WORD...
    "${in_peer[@]}" timeout "$limit" "$program" peer0 "$program_address" /run/program "$@" <&0 &
    program_process=$!
}

program_is() { # STATE
    local state
    read -r -t "$limit" -u 7 state && [[ $state == "$1" ]]
}

peer_sends() { # ADDRESS
    start_program send "$1" "$port" </run/sent
    program_is ended
}

peer_listens() {
    receiver_address=$program_address
    receiver_port=$port
    start_program receive "$port" </dev/null >"/run/peer.got.$port"
    program_is listening
}

peer_receives() { program_is ended; }

peer_ends() {
    local state
    [[ -n $program_process ]] || return 0
    kill "$program_process" 2>/dev/null || true
    wait "$program_process" || true
    program_process=
    while read -r -t 0.1 -u 7 state; do :; done
}
