// SPDX-License-Identifier: GPL-2.0
// `dominoes perf`: what its two roles are given.
#pragma once

#include "perf_protocol.hh"

#include <string>

namespace dominoes::command::perf {

struct PerfArguments {
    bool server = false;
    bool one_off = false;            // server: only one test
    std::string host;                // client: the server
    SocketAddress address{0, 5201};  // server: to listen on; client: the server's
    Parameters parameters;
    double interval = 1;
    bool json = false;
    ConnectionArguments connection;
};

// Both give the exit status. Their failures are exceptions, after the report has been closed.
int run_client(const PerfArguments& arguments);
int run_server(const PerfArguments& arguments);

}  // namespace dominoes::command::perf
