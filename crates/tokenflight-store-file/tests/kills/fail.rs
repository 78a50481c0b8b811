//! Every call fails once, with each error of a full, broken, read-only or lockless disk.

use std::{collections::BTreeMap, sync::Mutex};

use crate::{
    operation::ALL,
    support::child::{said, strace},
    trace::{Call, Run, calls, for_each},
};

const ERRORS: &[&str] = &["ENOSPC", "EIO", "EROFS", "ENOLCK", "EDQUOT"];

#[test]
fn a_call_that_fails_is_told_with_what_helps_and_the_next_try_succeeds() {
    let Some(strace) = strace() else { return };
    for name in ALL {
        let calls = calls(&strace, name);
        let mut cases: Vec<_> = calls.iter().flat_map(|call| ERRORS.iter().map(move |error| (call, *error))).collect();
        cases.extend(calls.iter().filter(|call| call.name == "flock").map(|call| (call, "EINTR")));
        let outcomes = Mutex::new(BTreeMap::<String, usize>::new());
        for_each(&cases, |(call, error)| {
            let inject = format!("inject={}:error={error}:when={}", call.name, call.number);
            let run = Run::new(&strace, name, &["-e".to_owned(), inject]);
            let kind = assert_told(name, call, error, &run);
            *outcomes.lock().unwrap().entry(kind).or_default() += 1;
        });
        println!("{name}: {} calls made to fail: {:?}", cases.len(), outcomes.into_inner().unwrap());
    }
}

fn assert_told(name: &str, call: &Call, error: &str, run: &Run) -> String {
    let output = run.said();
    let case = format!("{name}, {error} of {}: {output}", call.text);
    assert!(run.output.status.success(), "{case}{}", String::from_utf8_lossy(&run.output.stderr));
    let mut said = said(&output);
    let mut next =
        |what: &str| said.next().and_then(|line| line.strip_prefix(what)).unwrap_or_else(|| panic!("{case}"));
    let (first, seen, again, then) = (next("first "), next("seen "), next("again "), next("then "));
    let kind = first.split(' ').next().unwrap_or_default();
    match kind {
        "done" => assert_eq!(seen, "true", "acknowledged and not there: {case}"),
        "not-done" | "refused" => assert_eq!(seen, "false", "there all the same: {case}"),
        "unknown" => {}
        _ => panic!("{case}"),
    }
    assert!(kind == "done" || first.contains("alice.json") || first.contains("/state"), "no file is named: {case}");
    assert!(!first.contains("access-") && !first.contains("refresh-"), "a token is shown: {case}");
    // The disk is well again: the same operation finds out, or is done now.
    assert_eq!((again, then), ("done", "true"), "{case}");
    kind.to_owned()
}

#[test]
fn locks_that_exclude_nobody_are_found_out_before_anything_is_claimed() {
    let Some(strace) = strace() else { return };
    let run = Run::new(&strace, "claim", &["-e".to_owned(), "inject=flock:retval=0".to_owned()]);
    let output = run.said();
    let mut said = said(&output);
    assert!(said.next().is_some_and(|line| line.starts_with("first refused") && line.contains("NoLocks")), "{output}");
    assert_eq!(said.next(), Some("seen false"), "{output}");
}

#[test]
fn a_record_is_durable_before_it_has_its_name_and_the_name_before_it_is_acknowledged() {
    let Some(strace) = strace() else { return };
    for name in ALL {
        let calls = calls(&strace, name);
        let at = |call: &str, path: &str| {
            let found = calls.iter().rposition(|other| other.name == call && other.text.contains(path));
            found.unwrap_or_else(|| panic!("{name}: no {call} of {path} in {calls:#?}"))
        };
        // Files are named by number: the draft is the last that was written to, the folder the last
        // that was opened.
        let (written, renamed) = (at("write", ""), at("rename", "alice.json"));
        let syncs: Vec<_> = (0..calls.len()).filter(|at| calls[*at].name == "fsync").collect();
        assert!(syncs.iter().any(|sync| written < *sync && *sync < renamed), "{name}: {calls:#?}");
        assert!(syncs.iter().any(|sync| renamed < *sync), "{name}: {calls:#?}");
    }
}

#[test]
fn what_could_not_be_made_durable_is_not_acknowledged_by_the_next_try_either() {
    let Some(strace) = strace() else { return };
    for name in ["claim", "commit", "login"] {
        let sync = calls(&strace, name).into_iter().rfind(|call| call.name == "fsync").unwrap();
        let inject = format!("inject=fsync:error=EIO:when={}+", sync.number);
        let output = Run::new(&strace, name, &["-e".to_owned(), inject]).said();
        let said: Vec<_> = said(&output).collect();
        assert!(said[0].starts_with("first unknown") && said[1] == "seen true", "{name}: {output}");
        assert!(said[2].starts_with("again unknown"), "{name}: {output}");
    }
}

#[test]
fn a_new_folder_whose_name_could_not_be_made_durable_is_made_again() {
    let Some(strace) = strace() else { return };
    // The first sync of all is the one of the folder above, when the store is first read.
    let run = Run::new(&strace, "first", &["-e".to_owned(), "inject=fsync:error=EIO:when=1".to_owned()]);
    let output = run.said();
    let said: Vec<_> = said(&output).collect();
    assert_eq!(said[0], "first done", "{output}");
    let above = format!("\"{}\", O_RDONLY", run.folder.path().display());
    assert_eq!(run.log().matches(&above).count(), 2, "the folder above was not synced again:\n{}", run.log());
}
