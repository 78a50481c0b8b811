//! Runs programs of tests, two at once: `cargo test` runs one after another, and many of them wait
//! for servers, timers and processes most of the time.

use std::{
    fs::File,
    io::Write,
    sync::{Mutex, PoisonError},
};

use crate::{
    cargo::{cargo, forget_xtask},
    prelude::*,
};

const AT_ONCE: usize = 2;

/// What hangs is ended.
const LIMIT: Duration = Duration::from_secs(900);

/// A program, and the folder of its package, where cargo would run it.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Program {
    file: PathBuf,
    package: PathBuf,
}

/// Those that cargo has told of while it built them, with `--message-format=json`.
pub(crate) fn built(log: &str) -> Vec<Program> {
    let artifact = |line: &&str| line.starts_with(r#"{"reason":"compiler-artifact""#);
    let program = |line: &str| {
        let value = |name: &str| {
            let text = line.split_once(&format!(r#""{name}":""#))?.1.split('"').next()?;
            Some(PathBuf::from(text.replace(r"\\", r"\")))
        };
        let (file, package) = (value("executable")?, value("manifest_path")?.parent()?.to_owned());
        line.contains(r#""test":true},"features""#).then_some(Program { file, package })
    };
    log.lines().filter(artifact).filter_map(program).collect()
}

/// Runs them with these variables. What each prints is in a file of its own in `tests`, beside the
/// one where it is put together as cargo would print it.
pub(crate) fn run(programs: Vec<Program>, variables: &[(String, String)], file: &Path) -> Result<(), String> {
    let named = |error: io::Error| format!("{}: {error}", file.display());
    let folder = file.with_extension("");
    fs::create_dir_all(&folder).map_err(named)?;
    let log = Mutex::new(File::create(file).map_err(named)?);
    if programs.is_empty() {
        return Err("no program of tests was built".to_owned());
    }
    let (left, wrong) = (Mutex::new(programs.into_iter()), Mutex::new(Vec::new()));
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some(program) = next() {
            let own = folder.join(program.file.file_name().unwrap_or_default()).with_extension("log");
            let result = program.run(variables, &own);
            let told = fs::read(&own).and_then(|text| {
                let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                write!(log, "\n     Running {}\n", program.file.display())?;
                log.write_all(&text)
            });
            if let Err(error) = result.and_then(|()| told.map_err(|error| error.to_string())) {
                let error = format!("{}: {error} (its output: {})", program.file.display(), own.display());
                wrong.lock().unwrap_or_else(PoisonError::into_inner).push(error);
            }
        }
    };
    thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
    let wrong = wrong.into_inner().unwrap_or_else(PoisonError::into_inner);
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

impl Program {
    /// Into a file and not a pipe: that would stay open with whatever a test that failed has left.
    // A build tool, not the library.
    #[allow(clippy::disallowed_methods)]
    fn run(&self, variables: &[(String, String)], output: &Path) -> Result<(), String> {
        let named = |error: io::Error| error.to_string();
        let (out, err) = File::create(output).and_then(|out| Ok((out.try_clone()?, out))).map_err(named)?;
        let mut command = Command::new(&self.file);
        forget_xtask(&mut command);
        command.arg("--show-output").current_dir(&self.package).stdin(Stdio::null()).stdout(out).stderr(err);
        command.env("CARGO", cargo()).env("CARGO_MANIFEST_DIR", &self.package);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let (begun, mut child) = (Instant::now(), command.spawn().map_err(named)?);
        loop {
            match child.try_wait().map_err(named)? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(status.to_string()),
                None if begun.elapsed() > LIMIT => {
                    let _ = child.kill().and_then(|()| child.wait());
                    return Err(format!("it hangs for {} s", LIMIT.as_secs()));
                }
                None => thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Program, built};

    #[test]
    fn programs_of_tests_are_found_and_others_are_not() {
        let line = |test: bool, file: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/a/b/Cargo.toml","target":{{"test":true}},"profile":{{"test":{test}}},"features":[],"executable":{file}}}"#
            )
        };
        let log = [line(true, r#""/t/one""#), line(false, r#""/t/two""#), line(true, "null"), "other".to_owned()];
        assert_eq!(built(&log.join("\n")), [Program { file: "/t/one".into(), package: "/a/b".into() }]);
    }
}
