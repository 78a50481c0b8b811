//! The system calls of one operation, and runs in which something happens to one of them.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::Output,
    sync::Mutex,
    thread,
};

use crate::{
    operation::{FOLDER, prepare},
    support::{Folder, child},
};

/// A call by its name, and the how manyeth with that name in the life of its thread.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) number: usize,
    /// The call as it was traced, for messages.
    pub(crate) text: String,
}

/// One run of an operation in a folder of its own.
pub(crate) struct Run {
    pub(crate) folder: Folder,
    pub(crate) output: Output,
    log: PathBuf,
}

impl Run {
    /// Does the operation, and has `strace` do this to it.
    pub(crate) fn new(strace: &Path, name: &str, options: &[String]) -> Self {
        let folder = Folder::new();
        let state = folder.join("state");
        if name != "first" {
            prepare(&state);
        }
        let record = state.join("alice.json");
        let beside = |after: &str| state.join(format!("alice.json{after}"));
        let paths = [
            folder.join("begin"),
            folder.join("end"),
            beside(".lock"),
            beside(".turn"),
            state.join(".alice.json.tmp"),
            record,
            state,
            // Where the name of a new folder is made durable.
            folder.path().to_owned(),
        ];
        let log = folder.join("log");
        let mut command = child::watched(strace, &log, &paths, options, name);
        let output = command.env(FOLDER, folder.path()).output().unwrap();
        Self { folder, output, log }
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// All calls with the files, as they were traced.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }
}

/// The calls that an operation makes with its files, from an undisturbed run.
pub(crate) fn calls(strace: &Path, name: &str) -> Vec<Call> {
    let run = Run::new(strace, name, &[]);
    assert!(run.output.status.success(), "{}", String::from_utf8_lossy(&run.output.stderr));
    let log = run.log();
    let mut counts: HashMap<(String, String), usize> = HashMap::new();
    let (mut within, mut calls) = (false, Vec::new());
    for line in log.lines() {
        let Some((thread, text)) = line.trim_start().split_once(char::is_whitespace) else { continue };
        let text = text.trim_start();
        let Some((call, _)) = text.split_once('(') else { continue };
        // The end of a call whose beginning was counted.
        if !call.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        let count = counts.entry((thread.to_owned(), call.to_owned())).or_default();
        *count += 1;
        if call == "rmdir" {
            within = !within;
        } else if within {
            calls.push(Call { name: call.to_owned(), number: *count, text: text.to_owned() });
        }
    }
    assert!(!within && calls.len() > 10, "the trace of {name} is not whole:\n{log}");
    calls
}

/// Does this for each, two at a time.
pub(crate) fn for_each<T: Sync>(all: &[T], work: impl Fn(&T) + Sync) {
    let next = Mutex::new(all.iter());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(one) = next.lock().unwrap().next() else { return };
                    work(one);
                }
            });
        }
    });
}
