// SPDX-License-Identifier: GPL-2.0
//
// The test runner shared by host and kernel. A test is a plain function; it may start threads with
// dominoes_thread_start() and check from them. A suite is a table at the end of its file:
//
//   void claim__gives_positions_in_order(Check& check) { REQUIRE(...); EXPECT_EQ(...); }
//   constexpr Test kTests[] = {TEST(claim__gives_positions_in_order)};
//   extern const Suite ring_channel_suite = SUITE("ring_channel", kTests);
//
// and is named in kunit/table.cc. One test file per code file, its tests in the order of the
// functions, each named function__case.
#pragma once

#include "dominoes/atomic.hh"
#include "kunit/suites.h"

namespace kunit {

// What a test is given. Any thread of the test may use it.
class Check {
public:
    explicit Check(const dominoes_test_host& host) : host_(host) {}

    // `wanted` iterations at native speed; fewer where code runs slowly, at least `least`.
    uint32_t scale(uint32_t wanted, uint32_t least = 1) const {
        return dominoes::max(least, static_cast<uint32_t>(uint64_t{wanted} * host_.scale / 100));
    }

    // For `if (check.skips(...)) return;`, where a test cannot run, or not within reason.
    bool skips(bool skipped, const char* why) {
        if (skipped) skipped_ = why;
        return skipped;
    }
    // Skips a test of failed allocations where there are none.
    bool skips_failures() { return skips(!host_.fail_allocations, "allocations do not fail here"); }
    // Skips a test that would take minutes where code runs slowly.
    bool skips_long() { return skips(host_.scale < 100, "it takes minutes in this build"); }
    // Bit n fails the n-th allocation from now on; 0: none.
    void fail_allocations(uint64_t mask) const {
        if (host_.fail_allocations) host_.fail_allocations(mask);
    }

    // As in kunit/suites.h.
    bool interrupts_begin(void (*handler)(void* argument), void* argument) const {
        return host_.interrupts_begin(handler, argument);
    }
    void interrupts_end() const { host_.interrupts_end(); }

    bool expect(bool passed, const char* file, int line, const char* message) {
        if (!passed) note(file, line, message);
        return passed;
    }

    bool expect_equal(uint64_t found, uint64_t wanted, const char* file, int line,
                      const char* message) {
        if (found == wanted) return true;
        Text text;
        text.add(message);
        text.add(": found ");
        text.add(found);
        text.add(", wanted ");
        text.add(wanted);
        note(file, line, text.characters);
        return false;
    }

    bool failed() const { return failures_.load_acquire() != 0; }
    // Hands the first few failures to the host, and why the test did not run. After the test, when
    // its threads have ended.
    void report() const {
        if (skipped_) host_.skipped(host_.context, skipped_);
        for (uint32_t i = 0; i < dominoes::min(failures_.load_acquire(), kKept); ++i)
            host_.failed(host_.context, kept_[i].file, kept_[i].line, kept_[i].text.characters);
    }

private:
    static constexpr uint32_t kKept = 6;

    struct Text {
        char characters[120] = {};
        uint32_t length = 0;

        void add(const char* more) {
            while (*more && length + 1 < sizeof characters) characters[length++] = *more++;
        }
        void add(uint64_t number) {
            char digits[21];
            char* digit = digits + sizeof digits;
            *--digit = 0;
            do *--digit = static_cast<char>('0' + number % 10);
            while (number /= 10);
            add(digit);
        }
    };
    struct Failure {
        const char* file;
        int line;
        Text text;
    };

    void note(const char* file, int line, const char* message) {
        const uint32_t i = failures_.fetch_add_acq_rel(1);
        if (i >= kKept) return;
        kept_[i].file = file;
        kept_[i].line = line;
        kept_[i].text.add(message);
    }

    const dominoes_test_host& host_;
    const char* skipped_ = nullptr;
    dominoes::Atomic<uint32_t> failures_;
    Failure kept_[kKept] = {};
};

struct Test {
    const char* name;
    void (*run)(Check& check);
};

struct Suite {
    const char* name;
    const Test* tests;
    size_t count;
};

template <size_t N>
constexpr Suite make_suite(const char* name, const Test (&tests)[N]) {
    return {name, tests, N};
}

}  // namespace kunit

// In a function with `kunit::Check& check`. EXPECT notes a failure and goes on, REQUIRE returns.
#define EXPECT(condition) check.expect(!!(condition), __FILE__, __LINE__, #condition)
#define EXPECT_EQ(found, wanted)                                                              \
    check.expect_equal(static_cast<uint64_t>(found), static_cast<uint64_t>(wanted), __FILE__, \
                       __LINE__, #found)
#define REQUIRE(condition) \
    if (!EXPECT(condition)) return
#define REQUIRE_EQ(found, wanted) \
    if (!EXPECT_EQ(found, wanted)) return

#define TEST(function) \
    { #function, function }
#define SUITE(name, tests) kunit::make_suite(name, tests)
