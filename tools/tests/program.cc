// SPDX-License-Identifier: GPL-2.0
#include "program.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>

std::filesystem::path g_folder;

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

void make_file(const std::filesystem::path& path, std::size_t bytes) {
    std::string content(bytes, '\0');
    std::uint32_t state = static_cast<std::uint32_t>(bytes) | 1;
    for (char& one : content) one = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    std::ofstream(path, std::ios::binary) << content;
}

bool installed(const char* program) {
    return std::system((std::string("command -v ") + program + " >/dev/null").c_str()) == 0;
}

// --- programs ---

Program::Program(Words words, const std::string& input) {
    static int count = 0;
    const std::string stem = (g_folder / std::to_string(count++)).string();
    output_path_ = stem + ".out";
    error_path_ = stem + ".err";
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
        dup2(open(input.c_str(), O_RDWR), 0);  // RDWR: a FIFO shall not wait for its writer
        dup2(open(output_path_.c_str(), O_CREAT | O_WRONLY, 0600), 1);
        dup2(open(error_path_.c_str(), O_CREAT | O_WRONLY, 0600), 2);
        execvp(arguments[0], arguments.data());
        _exit(127);
    }
}

Program::~Program() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

void Program::signal(int number) { kill(pid_, number); }

int Program::wait() {
    int status = 0;
    if (!eventually([&] { return waitpid(pid_, &status, WNOHANG) != 0; })) return -1;
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool Program::running() const { return pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == 0; }

void Program::await_output(const char* text) const {
    EXPECT_TRUE(eventually([&] { return output().find(text) != std::string::npos; }))
        << "no '" << text << "' in:\n"
        << output() << error();
}

// --- sockets ---

namespace {

// How many sockets with this local port are in a state (of /proc/net/tcp), and have data that
// nobody has read yet if `unread`.
int sockets_in_state(int port, const char* state, bool unread = false) {
    char wanted[32];
    std::snprintf(wanted, sizeof(wanted), ":%04X ", port);
    std::istringstream lines(read_file("/proc/net/tcp") + read_file("/proc/net/tcp6"));
    int count = 0;
    std::string slot, local, peer, is, queues;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream(line) >> slot >> local >> peer >> is >> queues;
        if (is == state && (local + " ").ends_with(wanted))
            count += !unread || !queues.ends_with(":00000000");
    }
    return count;
}

}  // namespace

void await_listener(int port) {
    EXPECT_TRUE(eventually([&] { return sockets_in_state(port, "0A") > 0; }))
        << "nobody listens on port " << port;
}

void await_connection(int port) {
    EXPECT_TRUE(eventually([&] { return sockets_in_state(port, "01") > 0; }))
        << "nobody has connected to port " << port;
}

void await_unread_data(int port) {
    EXPECT_TRUE(eventually([&] { return sockets_in_state(port, "01", true) > 0; }))
        << "port " << port << " has nothing to read";
}
