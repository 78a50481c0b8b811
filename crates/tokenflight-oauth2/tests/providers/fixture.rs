//! Literal answers, each with its source and when it was seen. They were written down before the
//! rows, and are not derived from them: a row that contradicts one is wrong.

use std::collections::{BTreeMap, BTreeSet};

use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use tokenflight::FailureClass;
use tokenflight_oauth2::{
    answer::{Answer, Verdict, judge},
    provider::{self, ALL, Meaning, Provider, Rotation, Second, Sign, Test},
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
    class_at(literal.status, provider, literal)
}

fn class_at(status: u16, provider: &Provider, literal: &Literal) -> FailureClass {
    let status = StatusCode::from_u16(status).unwrap();
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

/// What a server words in a way of its own is not understood without its row; the row is for that.
#[test]
fn without_the_row_no_answer_ends_a_session_that_should_live() {
    for literal in literals().iter().filter(|literal| literal.means != "dead") {
        let standard = literal.body.contains(r#""error":"invalid_grant""#);
        let found = class(provider::UNKNOWN, literal);
        assert!(found != FailureClass::Terminal || standard, "{}", literal.body);
    }
}

/// A row with words of its own is held to words that were seen.
#[test]
fn every_row_with_words_of_its_own_has_an_answer() {
    let all = literals();
    let seen: BTreeSet<_> = all.iter().map(|literal| &*literal.provider).collect();
    let silent: Vec<_> = ALL.iter().filter(|row| !seen.contains(row.name)).collect();
    for row in &silent {
        assert!(row.signs.is_empty(), "{} has words of its own and no answer that was seen", row.name);
    }
    println!("{} rows without a literal answer: they speak the standard", silent.len());
    assert!(ALL.len() - silent.len() >= 30);
}

/// A sign that no answer was seen for is a guess. A guess may call a set-up wrong, which an unheard
/// of code is called as well.
#[test]
fn every_sign_of_every_row_holds_of_an_answer_that_was_seen() {
    /// Told by documentation, without an answer that was seen.
    const UNSEEN: &[&str] = &[
        r#"entra_id: [Is("error_codes[*]", "50078")]"#,
        r#"entra_id: [Is("error_codes[*]", "50079")]"#,
        r#"entra_id: [Is("error", "invalid_grant"), Has("claims")]"#,
        r#"notion: [Is("code", "rate_limited")]"#,
        r#"notion: [Is("code", "internal_server_error")]"#,
        r#"notion: [Is("code", "service_unavailable")]"#,
        r#"slack: [Is("error", "token_expired")]"#,
    ];
    let all = literals();
    let (mut held, mut guessed) = (0, Vec::new());
    for row in ALL {
        for sign in row.signs {
            // Alone in its row and with two meanings: the class follows the sign where the sign
            // holds. Statuses that have the last word are taken for one that has none.
            let of_row = |literal: &&Literal| literal.provider == row.name;
            let holds = all.iter().filter(of_row).any(|literal| {
                let of_status = sign.when.iter().any(|test| matches!(test, Test::Status(_)));
                let status = if of_status { literal.status } else { 400 };
                let as_if = |means| {
                    let signs: &'static [Sign] = Box::leak(Box::new([Sign { means, ..*sign }]));
                    class_at(status, &Provider { signs, ..**row }, literal)
                };
                as_if(Meaning::Unknown) != as_if(Meaning::Interaction)
            });
            let told = format!("{}: {:?}", row.name, sign.when);
            match (holds, sign.means) {
                (true, _) => held += 1,
                (false, Meaning::Setup) => guessed.push(told),
                (false, _) => assert!(UNSEEN.contains(&&*told), "no answer was seen for {told}"),
            }
        }
    }
    println!("{held} signs hold of a literal answer; guesses at set-ups: {guessed:?}");
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
