// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/report.hh"

#include <cstdarg>

namespace sim {

void Report::fail(const std::string& what) {
    if (failures_.size() < kMaxFailures) failures_.push_back(what);
    if (timeline_) std::fprintf(timeline_, "FAILURE: %s\n", what.c_str());
}

void Report::note(uint64_t now_ns, const char* format, ...) {
    if (!timeline_) return;
    std::fprintf(timeline_, "%14.6f ", static_cast<double>(now_ns) * 1e-9);
    va_list arguments;
    va_start(arguments, format);
    std::vfprintf(timeline_, format, arguments);
    va_end(arguments);
    std::fputc('\n', timeline_);
}

}  // namespace sim
