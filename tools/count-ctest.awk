# SPDX-License-Identifier: MIT
# From ctest's LastTest.log: "passed failed skipped", counting the tests inside cmocka programs.
# A program that failed without cmocka saying which test (a crash, a time-out) is one failure.

function finish() {
    if (!inside)
        return
    if (own_passed + own_failed + own_skipped == 0 && result == "passed")
        own_passed = 1
    if (result == "failed" && own_failed == 0)
        own_failed = 1
    passed += own_passed
    failed += own_failed
    skipped += own_skipped
    inside = 0
}

/^[0-9]+\/[0-9]+ Testing: / {
    finish()
    inside = 1
    result = "failed" # until ctest says otherwise
    own_passed = own_failed = own_skipped = 0
    programs++
}
/^\[  PASSED  \] .*test\(s\)\.$/ { own_passed += number($0) }
/^\[  FAILED  \] .*test\(s\), listed below:$/ { own_failed += number($0) }
/^\[  SKIPPED \] .*test\(s\), listed below:$/ { own_skipped += number($0) }
/^Test Passed\.$/ { result = "passed" }

# "[  FAILED  ] group: 2 test(s), listed below:" -> 2; the group is not always there.
function number(line) {
    match(line, /[0-9]+ test\(s\)/)
    return substr(line, RSTART) + 0
}

END {
    finish()
    if (programs == 0)
        failed = 1
    printf "%d %d %d\n", passed, failed, skipped
}
