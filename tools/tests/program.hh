// SPDX-License-Identifier: GPL-2.0
//
// Programs that run beside a test, and what it may wait for.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

using Words = std::vector<std::string>;

extern std::filesystem::path g_folder;  // of this run, for what the programs write

std::string read_file(const std::filesystem::path& path);
// Writes so many bytes, always the same.
void make_file(const std::filesystem::path& path, std::size_t bytes);
bool installed(const char* program);

// Whether it came to be true within a minute: only a hang takes that long.
template <typename Condition>
bool eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return true;
}

// A program that runs beside the test; killed if it does not end in time.
class Program {
public:
    explicit Program(Words words, const std::string& input = "/dev/null");
    ~Program();
    Program(const Program&) = delete;

    void signal(int number);
    // The exit status; -1 if it was killed by a signal or did not end in time.
    int wait();
    bool running() const;

    // Waits until it has printed `text`.
    void await_output(const char* text) const;
    std::string output() const { return read_file(output_path_); }
    std::string error() const { return read_file(error_path_); }
    nlohmann::json output_json() const { return nlohmann::json::parse(output()); }

private:
    pid_t pid_ = -1;
    std::string output_path_;
    std::string error_path_;
};

// Wait for a socket of that local port, looked up and not tried, since a server serves whoever
// tries: one that listens, one with a connection, one with data that nobody has read yet.
void await_listener(int port);
void await_connection(int port);
void await_unread_data(int port);
