//! What the test harness prints: how many tests passed, and what is worth reading of the others.

use std::{collections::BTreeSet, fmt, mem};

/// How many lines of a failure without a failed test are shown, the last ones: what does not
/// compile, or aborts.
const TAIL: usize = 120;

/// How a test begins the line that says what the machine lacks for it.
const LEFT_OUT: &str = "skipped: ";

/// Tests that were run.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tests {
    passed: usize,
    ignored: usize,
    failed: usize,
    /// Which ones failed.
    names: Vec<String>,
    /// What was left out, and why.
    left_out: BTreeSet<String>,
}

impl Tests {
    /// Counts them in what the harness printed.
    pub(crate) fn counted(log: &str) -> Self {
        let mut tests = Self::default();
        for line in log.lines() {
            if let Some(counts) = line.strip_prefix("test result: ") {
                let count = |what: &str| {
                    let before = counts.split([';', '.']).find_map(|part| part.trim().strip_suffix(what));
                    before.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
                };
                tests.passed += count("passed");
                tests.failed += count("failed");
                tests.ignored += count("ignored");
            }
            let failed = line.strip_prefix("test ").and_then(|line| line.strip_suffix(" ... FAILED"));
            tests.names.extend(failed.map(str::to_owned));
            // The harness may have begun the line.
            let left_out =
                line.split_once(LEFT_OUT).filter(|(begin, _)| begin.is_empty() || begin.starts_with("test "));
            tests.left_out.extend(left_out.map(|(_, why)| why.to_owned()));
        }
        tests
    }

    /// The parts of the output that tell of failed tests, each with its program; else its end.
    pub(crate) fn what_failed(log: &str) -> String {
        let (mut told, mut part, mut program, mut failures) = (String::new(), String::new(), "", false);
        for line in log.lines() {
            if let Some(running) = line.trim_start().strip_prefix("Running ") {
                (program, failures) = (running, false);
            }
            failures |= line == "failures:";
            if failures {
                part.push_str(line);
                part.push('\n');
            }
            if line.starts_with("test result: ") && mem::take(&mut failures) {
                told.push_str(&format!("\n{program}\n{}", mem::take(&mut part)));
            }
        }
        if told.is_empty() {
            // Cargo tells programs, too.
            let lines: Vec<&str> = log.lines().filter(|line| !line.starts_with(r#"{"reason":"#)).collect();
            told = lines[lines.len().saturating_sub(TAIL)..].join("\n");
        }
        told
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.names.extend(other.names);
        self.left_out.extend(other.left_out);
    }

    /// Whether this is the output of tests and none was run.
    pub(crate) fn ran_none(&self, log: &str) -> bool {
        self.passed + self.failed == 0 && log.contains("\ntest result: ")
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.passed + self.failed + self.ignored == 0
    }
}

impl fmt::Display for Tests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return Ok(());
        }
        write!(f, "{} passed, {} failed, {} ignored", self.passed, self.failed, self.ignored)?;
        if !self.names.is_empty() {
            write!(f, ": {}", self.names.join(", "))?;
        }
        if !self.left_out.is_empty() {
            let left_out: Vec<_> = self.left_out.iter().map(String::as_str).collect();
            write!(f, "; {} left out: {}", left_out.len(), left_out.join(" | "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
     Running tests/one.rs (target/debug/deps/one-1)
test good ... ok
successes:

---- good stdout ----
noise

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
     Running tests/two.rs (target/debug/deps/two-2)
test left ... ignored, needs a server
test bad ... FAILED
skipped: no kubectl; the helper for kubectl was not driven by it
failures:

---- bad stdout ----
the reason

failures:
    bad

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

    #[test]
    fn tests_are_counted_over_all_programs() {
        let tests = Tests::counted(LOG);
        let left_out = "1 left out: no kubectl; the helper for kubectl was not driven by it";
        assert_eq!(tests.to_string(), format!("3 passed, 1 failed, 1 ignored: bad; {left_out}"));
        assert_eq!(Tests::counted("error: it does not compile").to_string(), "");
    }

    #[test]
    fn of_what_failed_the_reason_is_shown_and_nothing_of_what_passed() {
        let told = Tests::what_failed(LOG);
        assert!(told.contains("the reason") && told.contains("tests/two.rs") && !told.contains("noise"), "{told}");
        let told = Tests::what_failed("error[E0425]\nerror: could not compile");
        assert!(told.contains("E0425"), "{told}");
    }
}
