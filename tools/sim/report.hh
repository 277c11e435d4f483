// SPDX-License-Identifier: GPL-2.0
//
// Report: what is said about a run: what was wrong, and, if anybody wants to read it, its timeline.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace sim {

class Report {
public:
    // `timeline` stays the caller's; nullptr: nobody wants it.
    explicit Report(std::FILE* timeline = nullptr) : timeline_(timeline) {}

    // The first few are kept: the rest follows from them.
    void fail(const std::string& what);
    bool failed() const { return !failures_.empty(); }
    const std::vector<std::string>& failures() const { return failures_; }

    bool wants_timeline() const { return timeline_ != nullptr; }
    // A line of the timeline, at `now_ns`.
    void note(uint64_t now_ns, const char* format, ...) __attribute__((format(printf, 3, 4)));

private:
    static constexpr size_t kMaxFailures = 8;

    std::FILE* const timeline_;
    std::vector<std::string> failures_;
};

}  // namespace sim
