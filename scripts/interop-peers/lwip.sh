# The peer is lwIP: tools/tests/guest/lwip_peer.cc.

# shellcheck disable=SC2034  # for program.sh
program=lwip-peer
# shellcheck source=scripts/interop-peers/program.sh
. ./program.sh
