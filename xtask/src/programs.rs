//! Runs programs of tests, two at once: `cargo test` runs one after another, and many of them wait
//! for servers, timers and processes most of the time.

use std::{
    fs::File,
    io::Write,
    sync::{Mutex, PoisonError},
};

use crate::{cargo::forget_xtask, prelude::*};

const AT_ONCE: usize = 2;

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
        let value = |name: &str| line.split_once(&format!(r#""{name}":""#))?.1.split('"').next().map(PathBuf::from);
        let (file, manifest) = (value("executable")?, value("manifest_path")?);
        line.contains(r#""test":true},"features""#).then(|| Program { file, package: manifest.with_file_name("") })
    };
    log.lines().filter(artifact).filter_map(program).collect()
}

/// Runs them with these variables; what they print goes into a file, as cargo would print it.
pub(crate) fn run(programs: Vec<Program>, variables: &[(String, String)], file: &Path) -> Result<(), String> {
    if programs.is_empty() {
        return Err("no program of tests was built".to_owned());
    }
    let named = |error: io::Error| format!("{}: {error}", file.display());
    let log = Mutex::new(File::create(file).map_err(named)?);
    let (left, wrong) = (Mutex::new(programs.into_iter()), Mutex::new(Vec::new()));
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some(Program { file, package }) = next() {
            let mut command = Command::new(&file);
            forget_xtask(&mut command);
            command.arg("--show-output").current_dir(&package).stdin(Stdio::null());
            command.env("CARGO_MANIFEST_DIR", &package).envs(variables.iter().map(|(name, value)| (name, value)));
            let result = command.output().and_then(|output| {
                let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                writeln!(log, "     Running {}", file.display())?;
                log.write_all(&output.stdout)?;
                log.write_all(&output.stderr)?;
                if output.status.success() { Ok(()) } else { Err(io::Error::other(output.status.to_string())) }
            });
            if let Err(error) = result {
                wrong.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{}: {error}", file.display()));
            }
        }
    };
    thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
    let wrong = wrong.into_inner().unwrap_or_else(PoisonError::into_inner);
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
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
        assert_eq!(built(&log.join("\n")), [Program { file: "/t/one".into(), package: "/a/b/".into() }]);
    }
}
