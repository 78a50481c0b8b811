//! Running steps, and telling what became of them.

use std::{io::Write, process::ExitCode};

use crate::prelude::*;

/// What became of the steps.
#[derive(Debug)]
pub(crate) struct Report {
    begun: Instant,
    rows: Vec<Row>,
    tests: Tests,
}

#[derive(Debug)]
struct Row {
    name: String,
    time: Duration,
    verdict: Verdict,
    note: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    Pass,
    /// Could not be done, and need not.
    Skip,
    Fail,
}

impl Verdict {
    const fn name(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Skip => "SKIP",
            Self::Fail => "FAIL",
        }
    }
}

/// Where a step's output goes.
pub(crate) fn log_of(name: &str) -> PathBuf {
    let name = name.replace(|char: char| !char.is_ascii_alphanumeric(), "-");
    target_dir("xtask").join(format!("{name}.log"))
}

// A build tool, not the library: how long a step took is all it wants to know.
#[allow(clippy::disallowed_methods)]
impl Report {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), rows: Vec::new(), tests: Tests::default() }
    }

    /// Runs steps beside others, which wait more than they work.
    pub(crate) fn beside(&mut self, waiting: impl FnOnce(&mut Self), working: impl FnOnce(&mut Self) + Send) {
        let other = thread::scope(|scope| {
            let other = scope.spawn(|| {
                let mut other = Self::new();
                working(&mut other);
                other
            });
            waiting(self);
            other.join()
        });
        let Self { rows, tests, .. } = other.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        self.rows.extend(rows);
        self.tests.add(tests);
    }

    /// Runs a call of cargo as a step that shows all it prints.
    pub(crate) fn cargo(&mut self, name: &str, cargo: &Cargo) {
        self.step(name, || cargo.run());
    }

    /// Runs a call of cargo as a step that shows what it printed only if it fails. If it runs
    /// tests, they are counted.
    pub(crate) fn quiet(&mut self, name: &str, cargo: &Cargo) {
        self.logged(name, &cargo.line(), |file| cargo.run_into(file));
    }

    /// As [`quiet`](Self::quiet), for anything that writes what it prints into the file it gets.
    pub(crate) fn logged(&mut self, name: &str, line: &str, run: impl FnOnce(&Path) -> Result<(), String>) {
        let mut tests = Tests::default();
        self.attempt(name, false, || {
            let file = log_of(name);
            fs::create_dir_all(target_dir("xtask")).map_err(|error| format!("{}: {error}", file.display()))?;
            println!("{name}: {line} (its output: {})", file.display());
            // Shown before the minutes that it takes, also where the output is a file.
            let _ = io::stdout().flush();
            let result = run(&file);
            let log = fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            let log = String::from_utf8_lossy(&log);
            tests = Tests::counted(&log);
            if result.is_err() {
                println!("{}", Tests::what_failed(&log));
            }
            result?;
            // A filter or a `cfg` that matches no test looks like success.
            if tests.ran_none(&log) { Err("no test ran".to_owned()) } else { Ok(()) }
        });
        if let Some(row) = self.rows.last_mut().filter(|_| !tests.is_empty()) {
            row.note = tests.to_string();
        }
        self.tests.add(tests);
    }

    /// Whether a step of this name has passed.
    pub(crate) fn passed(&self, name: &str) -> bool {
        self.rows.iter().any(|row| row.name == name && row.verdict == Verdict::Pass)
    }

    /// Runs anything as a step.
    pub(crate) fn step(&mut self, name: &str, step: impl FnOnce() -> Result<(), String>) {
        self.attempt(name, false, step);
    }

    /// Runs a step that is for something; if it is optional, it is skipped when it fails.
    pub(crate) fn attempt<T>(
        &mut self,
        name: &str,
        optional: bool,
        step: impl FnOnce() -> Result<T, String>,
    ) -> Option<T> {
        let start = Instant::now();
        let result = step();
        let (verdict, note) = match &result {
            Ok(_) => (Verdict::Pass, String::new()),
            Err(error) if optional => (Verdict::Skip, error.clone()),
            Err(error) => {
                println!("{name}: {error}");
                (Verdict::Fail, error.clone())
            }
        };
        self.rows.push(Row { name: name.to_owned(), time: start.elapsed(), verdict, note });
        result.ok()
    }

    /// Prints the table, and in one line what became of all.
    pub(crate) fn finish(self) -> ExitCode {
        let width = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
        println!();
        for Row { name, time, verdict, note } in &self.rows {
            println!(
                "{}",
                format!("{name:<width$}  {:>8.1} s  {}  {note}", time.as_secs_f64(), verdict.name()).trim_end()
            );
        }
        let count = |verdict| self.rows.iter().filter(|row| row.verdict == verdict).count();
        let [passed, failed, skipped] = [Verdict::Pass, Verdict::Fail, Verdict::Skip].map(count);
        let tests = if self.tests.is_empty() { String::new() } else { format!("; tests: {}", self.tests) };
        println!(
            "\nsteps: {passed} passed, {failed} failed, {skipped} skipped in {:.1} min{tests}",
            self.begun.elapsed().as_secs_f64() / 60.0
        );
        if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}
