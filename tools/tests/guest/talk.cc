// SPDX-License-Identifier: GPL-2.0
// One end of TCP connections that does what it is told, step by step: what nc leaves to chance.
#include "talk_network.hh"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <iostream>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace dominoes::guest {

namespace {

constexpr const char* kUsage =
    "usage: talk linux|dominoes connect ADDRESS PORT STEP...   one connection\n"
    "       talk linux|dominoes listen PORT STEP...            the same, waiting for the peer\n"
    "       talk linux|dominoes serve PORT COUNT      send back all that came, once the peer has "
    "ended\n"
    "       talk linux|dominoes repeat ADDRESS PORT COUNT      so many short connections to such a "
    "server\n"
    "\n"
    "STEP\n"
    "  send FILE     all of it        receive FILE   until the peer ends   take BYTES FILE   just "
    "so many\n"
    "  fin           end our side     reset          close with RST        flood             "
    "zeros, for ever\n"
    "  wait FIFO     until somebody writes to it     tell FILE             create it\n"
    "options before the first STEP or after COUNT: rcvbuf BYTES, backlog CONNECTIONS, from PORT,\n"
    "ready FILE (created once it listens)\n";

using Words = std::vector<std::string>;

Descriptor open_file(const std::string& path, int flags) {
    Descriptor file(::open(path.c_str(), flags | O_CLOEXEC, 0666));
    if (!file) throw_error(errno, path);
    return file;
}

std::size_t read_some(int fd, std::span<char> into, const std::string& what) {
    for (;;) {
        const ssize_t got = ::read(fd, into.data(), into.size());
        if (got >= 0) return static_cast<std::size_t>(got);
        if (errno != EINTR) throw_error(errno, what);
    }
}

void write_all(int fd, std::span<const char> from, const std::string& what) {
    while (!from.empty()) {
        const ssize_t put = ::write(fd, from.data(), from.size());
        if (put < 0 && errno != EINTR) throw_error(errno, what);
        if (put > 0) from = from.subspan(static_cast<std::size_t>(put));
    }
}

class Talk {
public:
    Talk(Network& network, Descriptor connection)
        : network_(network), connection_(std::move(connection)) {}

    void run(const Words& steps) {
        for (auto at = steps.begin(); at != steps.end();) {
            const std::string verb = *at++;
            const auto word = [&] {
                if (at == steps.end()) throw std::invalid_argument(verb + " needs more words");
                return *at++;
            };
            step(verb, word);
        }
    }

    // All that comes, sent back once the peer has ended.
    void echo() {
        std::string all;
        while (const std::size_t got = read_some(connection_.get(), buffer_, "receiving"))
            all.append(buffer_.data(), got);
        write_all(connection_.get(), all, "sending");
    }

private:
    void step(const std::string& verb, const std::function<std::string()>& word) {
        if (verb == "send") {
            copy(open_file(word(), O_RDONLY).get(), connection_.get(), "sending", UINT64_MAX);
        } else if (verb == "receive") {
            copy(connection_.get(), created(word()).get(), "receiving", UINT64_MAX);
        } else if (verb == "take") {
            const std::uint64_t bytes = parse_number(word(), UINT64_MAX);
            if (copy(connection_.get(), created(word()).get(), "receiving", bytes) != bytes)
                throw std::runtime_error("the peer ended too early");
        } else if (verb == "fin") {
            network_.shutdown_write(connection_.get());
        } else if (verb == "reset") {
            network_.reset_on_close(connection_.get());
            connection_ = Descriptor();
        } else if (verb == "flood") {
            for (;;) write_all(connection_.get(), buffer_, "sending");
        } else if (verb == "wait") {
            read_some(open_file(word(), O_RDONLY).get(), buffer_, "waiting");
        } else if (verb == "tell") {
            created(word());
        } else {
            throw std::invalid_argument("no step '" + verb + "'");
        }
    }

    static Descriptor created(const std::string& path) {
        return open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
    }

    std::uint64_t copy(int from, int to, const char* what, std::uint64_t most) {
        std::uint64_t total = 0;
        while (total < most) {
            const std::size_t bytes =
                static_cast<std::size_t>(std::min<std::uint64_t>(most - total, buffer_.size()));
            const std::size_t got = read_some(from, std::span(buffer_).first(bytes), what);
            if (got == 0) break;
            write_all(to, std::span(buffer_).first(got), what);
            total += got;
        }
        return total;
    }

    Network& network_;
    Descriptor connection_;
    std::vector<char> buffer_ = std::vector<char>(64 * 1024);
};

void serve(Network& network, std::uint16_t port, std::uint64_t count) {
    const Descriptor listener = network.listen(port);
    std::vector<std::jthread> threads;
    for (std::uint64_t i = 0; i < count; ++i)
        threads.emplace_back([&network, connection = network.accept(listener.get())]() mutable {
            try {
                Talk(network, std::move(connection)).echo();
            } catch (const std::exception& error) {
                std::cerr << "talk: serving: " << error.what() << std::endl;
                _exit(1);
            }
        });
}

void repeat(Network& network, const SocketAddress& server, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::string message = "message " + std::to_string(i) + " of " + std::to_string(count);
        const Descriptor connection = network.connect(server);
        write_all(connection.get(), message, "sending");
        network.shutdown_write(connection.get());
        std::string answer;
        char buffer[256];
        while (const std::size_t got = read_some(connection.get(), buffer, "receiving"))
            answer.append(buffer, got);
        if (answer != message)
            throw std::runtime_error("sent '" + message + "', got '" + answer + "'");
    }
}

std::string take_word(Words& words) {
    if (words.empty()) throw std::invalid_argument(kUsage);
    std::string first = words.front();
    words.erase(words.begin());
    return first;
}

SocketAddress take_address(Words& words) {
    const std::uint32_t address = parse_address(take_word(words));
    return {address, parse_port(take_word(words))};
}

// What follows the port.
struct Options {
    std::string ready;  // a file to be created when it listens
};

Options take_options(Words& words, Network& network) {
    Options options;
    while (words.size() >= 2) {
        if (words[0] == "backlog")
            network.set_backlog(static_cast<int>(parse_number(words[1], INT32_MAX)));
        else if (words[0] == "rcvbuf")
            network.set_receive_buffer(static_cast<int>(parse_number(words[1], INT32_MAX)));
        else if (words[0] == "from")
            network.set_local_port(parse_port(words[1]));
        else if (words[0] == "ready")
            options.ready = words[1];
        else
            break;
        words.erase(words.begin(), words.begin() + 2);
    }
    return options;
}

Descriptor listen(Network& network, std::uint16_t port, const Options& options) {
    Descriptor listener = network.listen(port);
    if (!options.ready.empty()) open_file(options.ready, O_WRONLY | O_CREAT);
    return listener;
}

void run(Words words) {
    const auto network = make_network(take_word(words));
    const std::string role = take_word(words);
    if (role == "connect") {
        const SocketAddress peer = take_address(words);
        take_options(words, *network);
        Talk(*network, network->connect(peer)).run(words);
    } else if (role == "listen") {
        const std::uint16_t port = parse_port(take_word(words));
        const Options options = take_options(words, *network);
        Descriptor listener = listen(*network, port, options);
        Descriptor connection = network->accept(listener.get());
        listener = Descriptor();
        Talk(*network, std::move(connection)).run(words);
    } else if (role == "serve") {
        const std::uint16_t port = parse_port(take_word(words));
        const std::uint64_t count = parse_number(take_word(words), UINT32_MAX);
        take_options(words, *network);
        serve(*network, port, count);
    } else if (role == "repeat") {
        const SocketAddress server = take_address(words);
        repeat(*network, server, parse_number(take_word(words), UINT32_MAX));
    } else {
        throw std::invalid_argument(kUsage);
    }
}

}  // namespace

}  // namespace dominoes::guest

int main(int argc, char** argv) {
    signal(SIGPIPE, SIG_IGN);
    try {
        dominoes::guest::run({argv + 1, argv + argc});
    } catch (const std::exception& error) {
        std::cerr << "talk: " << error.what() << std::endl;
        return 1;
    }
    return 0;
}
