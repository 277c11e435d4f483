# The peer is gVisor's netstack: tools/tests/guest/gvisor_peer.go.

# shellcheck disable=SC2034  # for program.sh
program=gvisor-peer
# shellcheck source=scripts/interop-peers/program.sh
. ./program.sh
