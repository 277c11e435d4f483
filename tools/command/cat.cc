// SPDX-License-Identifier: GPL-2.0
// `dominoes cat`: standard input or a file to a connection, and the connection to standard output
// or a file, both at once, as nc does.
#include "command.hh"

#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <array>
#include <cerrno>
#include <fstream>
#include <iostream>
#include <vector>

namespace dominoes::command {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kBufferBytes = 256 * 1024;

struct CatArguments {
    bool listen = false;
    bool close_after_eof = false;
    bool sha256 = false;
    bool verbose = false;
    bool stats = false;
    bool json = false;
    std::string port;
    std::string host;
    std::string last_word;  // the port, after a host
    std::string input;
    std::string output;
    std::string stats_file;
    ConnectionArguments connection;
};

class Sha256 {
public:
    Sha256() {
        if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1)
            throw std::runtime_error("OpenSSL has no SHA-256");
    }
    void add(std::span<const std::byte> bytes) {
        EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
    }
    std::string finish() {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
        unsigned length = 0;
        EVP_DigestFinal_ex(context_.get(), digest.data(), &length);
        std::string text;
        for (unsigned i = 0; i < length; ++i)
            for (const unsigned nibble : {digest[i] >> 4, digest[i] & 15})
                text += "0123456789abcdef"[nibble];
        return text;
    }

private:
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_{EVP_MD_CTX_new(),
                                                                     &EVP_MD_CTX_free};
};

// One direction: a buffer that is filled from one descriptor and emptied into another.
class Flow {
public:
    explicit Flow(bool hash) : buffer_(kBufferBytes) {
        if (hash) hash_.emplace();
    }

    [[nodiscard]] bool wants_input() const { return !ended_ && begin_ == end_; }
    [[nodiscard]] bool wants_output() const { return begin_ != end_; }
    // All that came has gone out, and no more will come.
    [[nodiscard]] bool done() const { return ended_ && begin_ == end_; }

    [[nodiscard]] std::span<std::byte> space() { return buffer_; }
    void filled(IoResult result) {
        begin_ = 0;
        end_ = result.bytes;
        ended_ = result.status == IoStatus::kEnd;
    }
    [[nodiscard]] std::span<const std::byte> content() const {
        return std::span(buffer_).subspan(begin_, end_ - begin_);
    }
    void emptied(std::size_t bytes) {
        if (hash_) hash_->add(content().first(bytes));
        begin_ += bytes;
        total_ += bytes;
    }

    [[nodiscard]] std::uint64_t total() const { return total_; }
    [[nodiscard]] std::string hash() { return hash_ ? hash_->finish() : ""; }

private:
    std::vector<std::byte> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool ended_ = false;
    std::uint64_t total_ = 0;
    std::optional<Sha256> hash_;
};

// The local end: two descriptors that may be files, pipes or a terminal, and may block.
class LocalEnd {
public:
    LocalEnd(const std::string& input, const std::string& output) {
        if (!input.empty()) open(input_file_, input, O_RDONLY);
        if (!output.empty()) open(output_file_, output, O_WRONLY | O_CREAT | O_TRUNC);
        struct stat status {};
        // poll() promises room for PIPE_BUF bytes. The descriptor is shared with others, so that it
        // is not ours to make it non-blocking.
        if (fstat(output_fd(), &status) < 0 || !S_ISREG(status.st_mode)) most_at_once_ = PIPE_BUF;
    }

    [[nodiscard]] int input_fd() const { return input_file_ ? input_file_.get() : STDIN_FILENO; }
    [[nodiscard]] int output_fd() const {
        return output_file_ ? output_file_.get() : STDOUT_FILENO;
    }

    IoResult read_some(std::span<std::byte> into) const {
        const ssize_t got = ::read(input_fd(), into.data(), into.size());
        if (got > 0) return {IoStatus::kDone, static_cast<std::size_t>(got)};
        if (got < 0 && errno != EAGAIN && errno != EINTR) throw_error(errno, "reading the input");
        return {got == 0 ? IoStatus::kEnd : IoStatus::kAgain, 0};
    }

    [[nodiscard]] std::size_t write_some(std::span<const std::byte> from) const {
        const ssize_t put = ::write(output_fd(), from.data(), std::min(from.size(), most_at_once_));
        if (put < 0 && errno != EAGAIN && errno != EINTR) throw_error(errno, "writing the output");
        return put < 0 ? 0 : static_cast<std::size_t>(put);
    }

private:
    static void open(Descriptor& file, const std::string& path, int flags) {
        file = Descriptor(::open(path.c_str(), flags | O_CLOEXEC, 0666));
        if (!file) throw_error(errno, path);
    }

    Descriptor input_file_;
    Descriptor output_file_;
    std::size_t most_at_once_ = SIZE_MAX;
};

class Cat {
public:
    Cat(const CatArguments& arguments, LocalEnd& local, Stream& stream)
        : arguments_(arguments),
          local_(local),
          stream_(stream),
          sending_(arguments.sha256),
          receiving_(arguments.sha256),
          next_progress_(start_ + seconds(1)) {}

    // Returns when both directions are done, or with -N when all has been sent and acknowledged.
    void run(Waiter& waiter) {
        while (!finished()) {
            pollfd polled[] = {{sending_.wants_input() ? local_.input_fd() : -1, POLLIN, 0},
                               {receiving_.wants_output() ? local_.output_fd() : -1, POLLOUT, 0},
                               {stream_events() != 0 ? stream_.fd() : -1, stream_events(), 0}};
            waiter.wait(polled, wake_time());
            if (polled[2].revents != 0) move_stream();
            if (polled[0].revents != 0) sending_.filled(local_.read_some(sending_.space()));
            if (polled[1].revents != 0) receiving_.emptied(local_.write_some(receiving_.content()));
            if (sending_.done() && !shut_down_) end_sending();
            show_progress();
        }
    }

    // What the connection was like, however it ended.
    void report(const std::string& failure) {
        const std::string sent_hash = sending_.hash();
        const std::string received_hash = receiving_.hash();
        if (arguments_.sha256)
            std::cerr << "sha256 sent " << sent_hash << ' ' << sending_.total()
                      << "\nsha256 received " << received_hash << ' ' << receiving_.total() << '\n';
        if (!arguments_.stats && !arguments_.json) return;
        std::ofstream file;
        if (!arguments_.stats_file.empty()) file.open(arguments_.stats_file);
        std::ostream& out = arguments_.stats_file.empty() ? std::cerr : file;
        const double elapsed = elapsed_seconds();
        try {
            info_ = stream_.info();
        } catch (const std::system_error& error) {
            std::cerr << "dominoes cat: no statistics: " << error.what() << '\n';
        }
        if (arguments_.json) {
            const Json all = {{"sent_bytes", sending_.total()},
                              {"received_bytes", receiving_.total()},
                              {"seconds", elapsed},
                              {"sha256_sent", sent_hash},
                              {"sha256_received", received_hash},
                              {"error", failure.empty() ? Json(nullptr) : Json(failure)},
                              {"connection", connection_json(info_)}};
            out << all.dump(2) << '\n';
        } else {
            out << "sent " << sending_.total() << " bytes, received " << receiving_.total()
                << " bytes in " << elapsed << " s\n";
            print_details(out, info_, "  ");
        }
        out.flush();
        if (!out) throw std::runtime_error(arguments_.stats_file + ": cannot be written");
    }

private:
    // A connection that is over by now has nothing to end; why it is over, reading tells.
    void end_sending() {
        shut_down_ = true;
        try {
            stream_.shutdown_write();
        } catch (const std::system_error& error) {
            if (error.code() != std::errc::not_connected) throw;
        }
    }

    [[nodiscard]] short stream_events() const {
        return static_cast<short>((receiving_.wants_input() ? POLLIN : 0) |
                                  (sending_.wants_output() ? POLLOUT : 0));
    }

    void move_stream() {
        // The peer's bytes first: after it has reset the connection, writing would fail.
        if (receiving_.wants_input()) receiving_.filled(stream_.read_some(receiving_.space()));
        if (sending_.wants_output()) sending_.emptied(stream_.write_some(sending_.content()).bytes);
    }

    [[nodiscard]] bool finished() const {
        if (!sending_.done() || !shut_down_) return false;
        if (receiving_.done()) return true;
        return arguments_.close_after_eof && !receiving_.wants_output() &&
               stream_.info().send_queue == 0;
    }

    [[nodiscard]] Clock::time_point wake_time() const {
        auto wake = Clock::time_point::max();
        if (arguments_.verbose) wake = next_progress_;
        if (arguments_.close_after_eof && shut_down_)  // nothing to poll for: an ACK makes no event
            wake = std::min<Clock::time_point>(wake, Clock::now() + milliseconds(20));
        return wake;
    }

    [[nodiscard]] double elapsed_seconds() const {
        return std::chrono::duration<double>(Clock::now() - start_).count();
    }

    void show_progress() {
        if (!arguments_.verbose || Clock::now() < next_progress_) return;
        next_progress_ += seconds(1);
        const double bits = 8 * static_cast<double>(sending_.total() + receiving_.total());
        std::cerr << "dominoes cat: sent " << format_bytes(static_cast<double>(sending_.total()))
                  << ", received " << format_bytes(static_cast<double>(receiving_.total())) << ", "
                  << format_bits(bits / elapsed_seconds()) << "/sec\n";
    }

    const CatArguments& arguments_;
    LocalEnd& local_;
    Stream& stream_;
    Flow sending_;
    Flow receiving_;
    bool shut_down_ = false;
    const Clock::time_point start_ = Clock::now();
    Clock::time_point next_progress_;
    dominoes_info info_{};
};

std::unique_ptr<Stream> open_stream(const CatArguments& arguments, Transport& transport,
                                    Waiter& waiter) {
    // Where -p is not given, the port is the last word.
    std::string host = arguments.host;
    std::string port = arguments.port;
    if (port.empty() && arguments.last_word.empty())
        std::swap(host, port);
    else if (port.empty())
        port = arguments.last_word;
    else if (!arguments.last_word.empty())
        throw std::invalid_argument("the port is given twice");
    if (port.empty() || (host.empty() && !arguments.listen))
        throw std::invalid_argument("expected HOST PORT, or -l and a port (see --help)");
    SocketAddress address;
    address.port = parse_port(port);
    if (!host.empty()) address.address = resolve(host);
    const ConnectionOptions& options = arguments.connection.options;
    if (!arguments.listen)
        return about(host + " port " + std::to_string(address.port), [&] {
            return transport.connect(address, options, waiter, Clock::now() + kConnectTimeout);
        });
    return about("listening on " + to_string(address), [&] {
        const auto listener = transport.listen(address, options);
        if (arguments.verbose)
            std::cerr << "dominoes cat: listening on " << to_string(listener->local()) << '\n';
        return transport.accept(*listener, options, waiter, Clock::time_point::max());
    });
}

int run(const CatArguments& arguments) {
    const auto transport = arguments.connection.make_transport();
    LocalEnd local(arguments.input, arguments.output);
    Waiter waiter;
    const auto stream = open_stream(arguments, *transport, waiter);
    if (arguments.verbose)
        std::cerr << "dominoes cat: connected, " << to_string(stream->local()) << " to "
                  << to_string(stream->peer()) << '\n';
    Cat cat(arguments, local, *stream);
    try {
        cat.run(waiter);
    } catch (const std::exception& error) {
        cat.report(error.what());
        throw;
    }
    cat.report("");
    return 0;
}

}  // namespace

void add_cat_command(CLI::App& app, Action& action) {
    auto arguments = std::make_shared<CatArguments>();
    CLI::App* cat = app.add_subcommand("cat", "Connect standard input and output, as nc does");
    cat->add_option("HOST", arguments->host, "The peer; with -l: the address to listen on")
        ->type_name("");
    cat->add_option("PORT", arguments->last_word)->type_name("");
    cat->add_flag("-l,--listen", arguments->listen, "Wait for a connection; HOST may be left out");
    cat->add_option("-p,--port", arguments->port, "The port")->type_name("PORT");
    cat->add_option("--input", arguments->input, "Send this file (default: standard input)")
        ->type_name("FILE");
    cat->add_option("--output", arguments->output, "Receive into it (default: standard output)")
        ->type_name("FILE");
    cat->add_flag("-N", arguments->close_after_eof,
                  "Exit once all input has arrived, without waiting for the peer's end of file");
    cat->add_flag("--sha256", arguments->sha256, "Print the hashes of both directions on stderr");
    cat->add_flag("-v,--verbose", arguments->verbose,
                  "Tell about connection and progress on stderr");
    cat->add_flag("--stats", arguments->stats, "At the end, tell about the connection on stderr");
    cat->add_flag("-J,--json", arguments->json, "The same as JSON");
    cat->add_option("--stats-file", arguments->stats_file, "Write --stats or -J there instead")
        ->type_name("FILE");
    add_connection_options(*cat, arguments->connection);
    cat->footer(
        "Examples:\n"
        "  dominoes cat -l -p 5000 --output copy --sha256 </dev/null    # peer: nc -N ADDRESS 5000 "
        "< file\n"
        "  dominoes cat 10.0.0.9 5000 --input file -v < /dev/null\n"
        "  dominoes cat 10.0.0.9 80 -J --replicas 4");
    cat->callback([&action, arguments] { action = [arguments] { return run(*arguments); }; });
}

}  // namespace dominoes::command
