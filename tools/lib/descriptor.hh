// SPDX-License-Identifier: GPL-2.0
// A file descriptor that closes itself, and how a failed system call becomes an exception.
#pragma once

#include <unistd.h>
#include <string>
#include <system_error>
#include <utility>

namespace dominoes {

class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }

    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }

private:
    int fd_ = -1;
};

// Throws std::system_error whose what() is "what: text of error", or only the text.
[[noreturn]] inline void throw_error(int error, const std::string& what = "") {
    const std::error_code code(error, std::generic_category());
    if (what.empty()) throw std::system_error(code);
    throw std::system_error(code, what);
}

}  // namespace dominoes
