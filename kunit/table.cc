// SPDX-License-Identifier: GPL-2.0
//
// The table of kunit/list.h, and its C side. Constants only: there is nobody to call constructors.
#include "kunit/list.h"
#include "kunit/test.hh"

namespace kunit {

#define DECLARE(name) extern const Suite name##_suite;
DOMINOES_SUITES(DECLARE)
#undef DECLARE

namespace {

#define POINT(name) &name##_suite,
constexpr const Suite* kSuites[] = {DOMINOES_SUITES(POINT)};
#undef POINT

}  // namespace
}  // namespace kunit

size_t dominoes_suite_count() { return sizeof kunit::kSuites / sizeof kunit::kSuites[0]; }
const char* dominoes_suite_name(size_t suite) { return kunit::kSuites[suite]->name; }
size_t dominoes_suite_tests(size_t suite) { return kunit::kSuites[suite]->count; }
const char* dominoes_test_name(size_t suite, size_t test) {
    return kunit::kSuites[suite]->tests[test].name;
}

void dominoes_test_run(size_t suite, size_t test, const dominoes_test_host* host) {
    kunit::Check check(*host);
    kunit::kSuites[suite]->tests[test].run(check);
    check.report();
}
