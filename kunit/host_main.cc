// SPDX-License-Identifier: GPL-2.0
//
// Registers the table of tests with GoogleTest. After each test every allocation must have been
// freed.
#include <gtest/gtest.h>

#include "dominoes/port.h"
#include "kunit/interrupts.h"
#include "kunit/suites.h"
#include "tools/rig/port_memory.hh"

namespace {

class TableTest : public testing::Test {
public:
    TableTest(size_t suite, size_t test) : suite_(suite), test_(test) {}

    void TestBody() override {
        const size_t before = rig::live_allocations();
        const dominoes_test_host host = {
            .scale = DOMINOES_TEST_SCALE,
            .fail_allocations = rig::fail_allocations,
            .interrupts_begin = dominoes_interrupts_begin,
            .interrupts_end = dominoes_interrupts_end,
            .failed = [](void*, const char* file, int line,
                         const char* message) { ADD_FAILURE_AT(file, line) << message; },
            .skipped = [](void*, const char* why) { GTEST_SKIP() << why; },
            .context = nullptr,
        };
        dominoes_test_run(suite_, test_, &host);
        rig::fail_allocations(0);
        dominoes_retire_barrier();
        EXPECT_EQ(rig::live_allocations(), before) << "leaked";
    }

private:
    const size_t suite_;
    const size_t test_;
};

}  // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    for (size_t suite = 0; suite < dominoes_suite_count(); ++suite) {
        for (size_t test = 0; test < dominoes_suite_tests(suite); ++test) {
            testing::RegisterTest(dominoes_suite_name(suite), dominoes_test_name(suite, test),
                                  nullptr, nullptr, __FILE__, __LINE__,
                                  [=]() -> testing::Test* { return new TableTest(suite, test); });
        }
    }
    return RUN_ALL_TESTS();
}
