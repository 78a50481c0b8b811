//! What the race of processes shows, and that it leaves none behind.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used)]

use std::{env, fs, path::PathBuf, process::ExitCode, thread};

use clap::{Parser, error::ErrorKind};
use serde_json::Value;
use tokenflight_examples::race::{
    Options,
    processes::{CHILD, child},
    run,
};

/// What a child process does; not a test by itself.
#[test]
fn a_child_process() {
    if env::var_os(CHILD).is_some() {
        child().unwrap();
    }
}

/// A folder of its own for what a race writes.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A race whose processes are this test binary.
fn options(name: &str, flags: &[&str]) -> Options {
    let mut options = Options::try_parse_from(["race"].iter().chain(flags)).unwrap();
    let arguments = ["--exact", "a_child_process", "--nocapture", "--test-threads=1"];
    options.child_arguments = arguments.map(str::to_owned).to_vec();
    options.svg = folder(name).join("race.svg");
    options
}

fn race(faults: &str) {
    let flags = ["--processes", "3", "--seconds", "6", "--lifetime", "1", "--every", "3", "--faults", faults];
    let mut options = options(&format!("race-{faults}"), &flags);
    let json = options.svg.with_extension("json");
    options.json = Some(json.clone());

    assert_eq!(run(&options), ExitCode::SUCCESS, "{faults}");

    let outcome: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    assert_eq!(outcome["tokenflight_unharmed"], true, "{faults}: {outcome:#}");
    let contestants = outcome["contestants"].as_array().unwrap();
    assert_eq!(contestants.len(), 7);
    let contestant = |name: &str| contestants.iter().find(|contestant| contestant["name"] == name).unwrap();
    let ours = contestant("tokenflight");
    for harm in ["presented_twice", "overlapping"] {
        assert_eq!(ours[harm], 0, "{faults}: {ours:#}");
    }
    assert_eq!(ours["logins_lost"], ours["logins_lost_to_strikes"], "{faults}: {ours:#}");
    if !["kill", "lost"].contains(&faults) {
        assert_eq!((&ours["in_vain"], &ours["logins_lost"]), (&0.into(), &0.into()), "{faults}: {ours:#}");
    }
    let least = if faults == "none" { 3 } else { 2 };
    assert!(ours["rotations"].as_u64() >= Some(least), "{faults}: {ours:#}");
    assert!(ours["served"].as_u64() >= Some(10), "{faults}: {ours:#}");
    assert!(faults == "none" || ours["strikes"].as_u64() >= Some(1), "{faults}: {ours:#}");

    let none = contestant("no lock");
    assert!(none["logins_lost"].as_u64() >= Some(1), "{faults}: {none:#}");
    assert!(none["presented_twice"].as_u64() >= Some(1), "{faults}: {none:#}");

    let picture = fs::read_to_string(&options.svg).unwrap();
    assert!(picture.trim_end().ends_with("</svg>"));
    for name in contestants.iter().map(|contestant| contestant["name"].as_str().unwrap()) {
        assert!(picture.contains(name), "{name} is missing in the picture");
    }
    let left = fs::read_dir(options.svg.parent().unwrap()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    assert!(left.is_empty(), "{left:?} are left");
}

#[test]
fn tokenflight_presents_nothing_twice_and_loses_no_login_whatever_meets_the_presenter() {
    if env::var_os(CHILD).is_some() {
        return;
    }
    // At once: they wait most of the time.
    thread::scope(|scope| {
        for faults in ["none", "stop", "kill", "login", "lost"] {
            scope.spawn(move || race(faults));
        }
    });
}

#[test]
fn a_flag_of_the_other_race_is_refused() {
    let refused = |flags: &[&str]| Options::try_parse_from(["race"].iter().chain(flags)).unwrap_err();
    for number in ["0", "65", "some"] {
        assert_eq!(refused(&["--processes", number]).kind(), ErrorKind::ValueValidation, "{number}");
    }
    for flag in [["--faults", "stop"], ["--every", "2"], ["--grace", "5"]] {
        assert_eq!(refused(&flag).kind(), ErrorKind::MissingRequiredArgument, "{flag:?}");
    }
    for flag in [["--workers", "8"], ["--cancel", "0"]] {
        let flags = [&flag[..], &["--processes", "2"]].concat();
        assert_eq!(refused(&flags).kind(), ErrorKind::ArgumentConflict, "{flags:?}");
    }
    assert_eq!(refused(&["--processes", "2", "--faults", "rain"]).kind(), ErrorKind::InvalidValue);
}

#[cfg(target_os = "linux")]
mod ends {
    //! However a race ends, its processes end with it, the stopped ones too.

    use std::{
        env, fs,
        path::Path,
        process::{Child, Command, ExitCode, Stdio},
        thread,
        time::Duration,
    };

    use rustix::process::{Pid, Signal, kill_process};
    use tokenflight_examples::race::{BROKEN, run};

    use super::options;

    /// This variable makes a process the parent of a race, and names its folder.
    const PARENT: &str = "TOKENFLIGHT_RACE_PARENT";

    /// What a parent process does; not a test itself. It is interrupted long before its race ends.
    #[test]
    fn a_parent_process() {
        let Ok(name) = env::var(PARENT) else { return };
        let flags = ["--processes", "2", "--seconds", "300", "--lifetime", "1", "--every", "1", "--faults", "stop"];
        assert_eq!(run(&options(&name, &flags)), ExitCode::from(BROKEN));
    }

    /// A race in which all processes are started and at least one is stopped, and their numbers.
    fn begun(name: &str) -> (Child, Vec<i32>) {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "ends::a_parent_process", "--nocapture", "--test-threads=1"]);
        command.env(PARENT, name).stdout(Stdio::null()).stderr(Stdio::null());
        let parent = command.spawn().unwrap();
        let started = until(|| {
            let children = children(parent.id());
            let stopped = children.iter().any(|child| state(*child) == Some('T'));
            (children.len() == 14 && stopped).then_some(children)
        });
        (parent, started)
    }

    /// Waits for it, ten seconds at most.
    fn until<T>(look: impl Fn() -> Option<T>) -> T {
        for _ in 0..1_000 {
            if let Some(found) = look() {
                return found;
            }
            thread::park_timeout(Duration::from_millis(10));
        }
        panic!("it did not happen");
    }

    /// The children of a process.
    fn children(pid: u32) -> Vec<i32> {
        let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
        let lists = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
        lists.flat_map(|list| list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>()).collect()
    }

    /// What a process does; nothing if there is none.
    fn state(pid: i32) -> Option<char> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    }

    /// Whether the process is over; its parent may not have been told yet.
    fn is_over(pid: i32) -> bool {
        matches!(state(pid), None | Some('Z' | 'X'))
    }

    #[test]
    fn processes_end_with_a_race_that_is_killed() {
        if !Path::new("/proc/self/task").exists() {
            return;
        }
        // Some moments leave a stopped process behind unless the kernel kills it with its parent.
        for _ in 0..4 {
            let (mut parent, children) = begun("race-killed");
            parent.kill().unwrap();
            parent.wait().unwrap();
            until(|| children.iter().all(|child| is_over(*child)).then_some(()));
        }
    }

    #[test]
    fn processes_end_with_a_race_that_is_interrupted_and_its_folder_is_removed() {
        let (mut parent, children) = begun("race-interrupted");
        kill_process(Pid::from_raw(parent.id().try_into().unwrap()).unwrap(), Signal::TERM).unwrap();
        assert!(parent.wait().unwrap().success());
        until(|| children.iter().all(|child| is_over(*child)).then_some(()));
        let left = fs::read_dir(super::folder("race-interrupted")).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
        assert!(left.is_empty(), "{left:?} are left");
    }
}
