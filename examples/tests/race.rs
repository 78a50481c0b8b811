//! What the race shows.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used)]

use std::{fs, path::PathBuf, process::ExitCode};

use clap::{Parser, error::ErrorKind};
use serde_json::Value;
use tokenflight_examples::race::{BROKEN, Options, run};

/// A folder of its own for what a race writes.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn parse(flags: &[&str]) -> Result<Options, clap::Error> {
    Options::try_parse_from(["race"].iter().chain(flags))
}

fn client<'a>(outcome: &'a Value, name: &str) -> &'a Value {
    outcome["clients"].as_array().unwrap().iter().find(|client| client["name"] == name).unwrap()
}

#[test]
fn tokenflight_lives_and_serves_every_caller_while_the_naive_client_presents_a_token_twice() {
    let folder = folder("race");
    let (json, svg) = (folder.join("race.json"), folder.join("pictures/race.svg"));
    let mut options = parse(&["--workers", "8", "--seconds", "5", "--lifetime", "1.5"]).unwrap();
    options.json = Some(json.clone());
    options.svg = svg.clone();

    assert_eq!(run(&options), ExitCode::SUCCESS);

    let outcome: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    assert_eq!(outcome["tokenflight_unharmed"], true, "{outcome:#}");
    let tokenflight = client(&outcome, "tokenflight");
    assert_eq!(tokenflight["alive"], true, "{tokenflight:#}");
    for harm in ["presented_twice", "overlapping", "answers_lost", "unauthorized", "failed"] {
        assert_eq!(tokenflight[harm], 0, "{harm} in {tokenflight:#}");
    }
    assert!(tokenflight["rotations"].as_u64() >= Some(3), "{tokenflight:#}");
    assert!(tokenflight["served"].as_u64() > Some(100), "{tokenflight:#}");

    let naive = client(&outcome, "naive");
    assert_eq!(naive["alive"], false, "{naive:#}");
    assert!(naive["presented_twice"].as_u64() >= Some(1), "{naive:#}");
    assert!(naive["unauthorized"].as_u64() >= Some(1), "{naive:#}");

    let picture = fs::read_to_string(svg).unwrap();
    assert!(picture.trim_end().ends_with("</svg>"));
    for word in ["naive", "401 lock only", "lock in the request", "tokenflight", "alive", "session revoked"] {
        assert!(picture.contains(word), "{word} is missing in the picture");
    }
}

#[test]
fn a_flag_that_makes_no_sense_is_refused_with_what_would() {
    for (flags, words) in [
        (["--workers", "0"], "1..=512"),
        (["--workers", "-4"], "1..=512"),
        (["--workers", "many"], "invalid digit"),
        (["--seconds", "0"], "between 1 and 600 seconds"),
        (["--seconds", "1e9"], "between 1 and 600 seconds"),
        (["--lifetime", "0.2"], "between 1 and 600 seconds"),
        (["--lifetime", "NaN"], "not a finite number"),
        (["--lifetime", "soon"], "not a number"),
        (["--cancel", "1"], "at least 0 and less than 1"),
        (["--cancel", "-0.1"], "at least 0 and less than 1"),
        (["--seed", "-1"], "--seed"),
    ] {
        let error = parse(&flags).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ValueValidation, "{flags:?}: {error}");
        assert!(error.to_string().contains(words), "{flags:?}: {error}");
    }
    assert_eq!(parse(&["--laps", "3"]).unwrap_err().kind(), ErrorKind::UnknownArgument);
}

#[test]
fn json_goes_to_standard_output_unless_a_file_is_named() {
    assert_eq!(parse(&[]).unwrap().json, None);
    assert_eq!(parse(&["--json"]).unwrap().json, Some(PathBuf::from("-")));
    assert_eq!(parse(&["--json", "-"]).unwrap().json, Some(PathBuf::from("-")));
    assert_eq!(parse(&["--json", "race.json"]).unwrap().json, Some(PathBuf::from("race.json")));
}

#[test]
fn a_picture_that_cannot_be_written_is_told_before_the_race() {
    let folder = folder("no-picture");
    let mut options = parse(&["--seconds", "600"]).unwrap();
    // A folder is no file. Ten minutes of race would show that this was noticed too late.
    options.svg = folder;
    assert_eq!(run(&options), ExitCode::from(BROKEN));
}
