//! Literal answers, each with its source and when it was seen. They were written down before the rows, and are not derived from
//! them: a row that contradicts one is wrong.

use std::collections::{BTreeMap, BTreeSet};

use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use tokenflight::FailureClass;
use tokenflight_oauth2::{
    answer::{Answer, Verdict, judge},
    provider::{self, ALL, Provider, Rotation, Second},
};

#[derive(Deserialize)]
struct Literal {
    provider: String,
    means: String,
    status: u16,
    body: String,
    source: String,
    seen: String,
}

fn literals() -> Vec<Literal> {
    serde_json::from_str(include_str!("answers.json")).unwrap()
}

fn class_of(means: &str) -> FailureClass {
    match means {
        "dead" => FailureClass::Terminal,
        "busy" => FailureClass::Throttled,
        "unknown" => FailureClass::Ambiguous,
        "misconfigured" => FailureClass::Config,
        "interaction" => FailureClass::Interaction,
        other => panic!("{other}"),
    }
}

fn class(provider: &Provider, literal: &Literal) -> FailureClass {
    let status = StatusCode::from_u16(literal.status).unwrap();
    match judge(&Answer::new(status, &HeaderMap::new(), &Ok(literal.body.clone().into())), provider) {
        Verdict::Failed(error) | Verdict::Odd(error) => error.class(),
        verdict => panic!("{}: {verdict:?}", literal.body),
    }
}

#[test]
fn every_server_is_understood_in_its_own_words() {
    let mut wrong = Vec::new();
    let mut counts = BTreeMap::<_, usize>::new();
    for literal in literals() {
        assert!(literal.source.starts_with("https://") && literal.seen.starts_with("20"), "{}", literal.body);
        let row = provider::find(&literal.provider).unwrap_or_else(|| panic!("no row {}", literal.provider));
        let (found, expected) = (class(row, &literal), class_of(&literal.means));
        if found != expected {
            wrong.push(format!("{} {} {}: {found:?}, not {expected:?}", row.name, literal.status, literal.body));
        }
        *counts.entry(literal.means).or_default() += 1;
    }
    println!("{} answers of {} rows: {counts:?}", literals().len(), ALL.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What a server words in a way of its own is not understood without its row; that is what the row is for.
#[test]
fn without_the_row_no_answer_ends_a_session_that_should_live() {
    for literal in literals().iter().filter(|literal| literal.means != "dead") {
        let standard = literal.body.contains(r#""error":"invalid_grant""#);
        let found = class(provider::UNKNOWN, literal);
        assert!(found != FailureClass::Terminal || standard, "{}", literal.body);
    }
}

#[test]
fn every_sign_of_every_row_has_an_answer() {
    let seen: BTreeSet<_> = literals().into_iter().map(|literal| literal.provider).collect();
    let silent: Vec<_> = ALL.iter().filter(|row| !seen.contains(row.name)).collect();
    for row in &silent {
        assert!(row.signs.is_empty(), "{} has words of its own and no answer that was seen", row.name);
    }
    println!("{} rows without a literal answer: they speak the standard", silent.len());
    assert!(ALL.len() - silent.len() >= 30);
}

/// What is not known is strict, and what is relaxed says why it may be.
#[test]
fn the_rows_do_not_contradict_themselves() {
    let mut names: Vec<_> = ALL.iter().map(|row| row.name).collect();
    assert!(names.is_sorted(), "{names:?}");
    names.dedup();
    assert_eq!(names.len(), ALL.len());
    assert!(names.len() >= 30);
    for row in ALL {
        let name = row.name;
        assert!(row.source.starts_with("https://") && row.checked.len() == 7, "{name}");
        assert!(!row.title.is_empty() && (row.title != "Any other"), "{name}");
        assert_eq!(provider::find(&name.to_uppercase()), Some(*row));
        // A server that always rotates never takes a used token for ever.
        let forever = row.reuse == tokenflight::ReusePolicy::NonRotating;
        assert!(!forever || row.rotation != Rotation::Always, "{name}");
        assert!(row.rotation != Rotation::Unknown || row.reuse == tokenflight::ReusePolicy::Strict, "{name}");
        assert_eq!(forever, row.second == Second::Nothing, "{name}");
        assert!(row.note.is_empty() || row.note.ends_with('.'), "{name}: {}", row.note);
        assert!(!row.note.contains("  "), "{name}: {}", row.note);
    }
    assert_eq!(provider::UNKNOWN.reuse, tokenflight::ReusePolicy::Strict);
    assert_eq!(provider::find("no-such-name"), None);
}
