# The peer is the TCP of QEMU's user network (libslirp, of BSD descent), on the far side of the guest's one device. It
# carries bytes on to and from a process of the host: slirp-host, which answers on a connection of its own.
#
#     guest                                              |  QEMU            |  host
#     Linux's stack 10.0.2.16  \            .- ifb0 <-.  |                  |
#     Dominoes      10.0.2.15  --- eth0 <--'  netem   '--+-- 10.0.2.2 ------+-- slirp-host, on 127.0.0.1
#                                   '------ netem -------'

# shellcheck disable=SC2034,SC2154  # for interop-guest, and from there and lib.sh

device=eth0
dominoes_address=10.0.2.15
host_address=10.0.2.16
slirp_address=10.0.2.2
asked=0

network_up() {
    ip addr add "$host_address/24" dev eth0
    ip link set eth0 up
    ip link set ifb0 up
    wait_for 5 grep -qx 1 /sys/class/net/eth0/carrier
    # With rx on, what netem corrupts would come as checked by the device.
    ethtool -K eth0 tso off gso off gro off rx off >/dev/null
    ip link set eth0 gso_max_segs 1
    tc qdisc add dev eth0 handle ffff: ingress
    tc filter add dev eth0 parent ffff: matchall action mirred egress redirect dev ifb0
    exec 8<>"/dev/tcp/$slirp_address/$1" # the port of slirp-host
}

network_like() {
    tc qdisc replace dev eth0 root netem limit 10000 "$@"
    tc qdisc replace dev ifb0 root netem limit 10000 "$@"
}

ask() { # WORD...
    asked=$((asked + 1))
    echo "$asked $*" >&8
}

# The answer to the last question; to others it may come late, when nobody waits for it any more.
answered() {
    local number
    while read -r -t "$limit" -u 8 number answer; do
        [[ $number != "$asked" ]] || return 0
    done
    return 1
}

new_file() {
    random_file /run/sent "$1"
    sent_out=$(hash_of /run/sent)
    ask new "$1"
    answered
    sent_in=$answer
}

peer_sends() { # ADDRESS
    ask send "$1"
    answered && [[ $answer == ended ]]
}

peer_listens() {
    ask listen
    answered
    receiver_address=$slirp_address
    receiver_port=$answer
}

peer_receives() {
    ask receive
    answered && [[ $answer != failed* ]]
}

peer_got() { echo "$answer"; }

peer_ends() { :; }
