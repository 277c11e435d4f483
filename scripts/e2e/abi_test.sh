# The device's ABI, call by call: tools/tests/guest/abi_check*.cc, which has a name for each check.
# shellcheck disable=SC2154
. ./traffic.sh

test_calls() { abi_check '^call_'; }
test_administration() { abi_check '^admin_'; }
test_options() { abi_check '^(option|bind|listen|accept)_'; }
test_connect() { abi_check '^connect_'; }
test_streams() { abi_check '^stream_'; }
test_ends() { abi_check '^(end|close)_'; }
test_signals() { abi_check '^signal_'; }
test_datagrams() { abi_check '^datagram_'; }
