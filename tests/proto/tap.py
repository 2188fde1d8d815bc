# SPDX-License-Identifier: MIT
"""Run one unittest file and report in TAP, one line per test: tap.py test_x.py"""

import importlib.util
import os
import sys
import unittest


class TapResult(unittest.TestResult):
    """What went wrong in a test, its subtests and its clean-up is told below its one line."""

    def __init__(self):
        super().__init__()
        self.number = 0
        self.troubles = []
        self.reason = None

    def startTest(self, test):
        super().startTest(test)
        self.troubles = []
        self.reason = None

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.reason = reason

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.troubles.append(self.failures[-1][1])

    def addError(self, test, error):
        super().addError(test, error)
        self.troubles.append(self.errors[-1][1])

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            last = (self.failures if issubclass(error[0], test.failureException) else self.errors)[-1]
            self.troubles.append(f"{subtest.id()}\n{last[1]}")

    def stopTest(self, test):
        super().stopTest(test)
        self.number += 1
        name = test.id().split(".", 1)[1]
        note = f" # skip {self.reason}" if self.reason and not self.troubles else ""
        print(f"{'not ok' if self.troubles else 'ok'} {self.number} {name}{note}")
        for trouble in self.troubles[:20]:
            for text in trouble.splitlines():
                print("# " + text)
        sys.stdout.flush()


def load(path):
    name = os.path.splitext(os.path.basename(path))[0]
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def main():
    suite = load(sys.argv[1])
    print(f"1..{suite.countTestCases()}", flush=True)
    result = TapResult()
    suite.run(result)
    sys.exit(0 if result.wasSuccessful() else 1)


main()
