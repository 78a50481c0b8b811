//! What must not be seen is not seen, and what cannot be sent is not sent.

mod support;

use std::{error::Error as StdError, fmt::Debug, sync::Arc};

use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use http::HeaderValue;
use proptest::prelude::*;
use support::{Session, WALL, at, machine, rules, secs, started};
use tokenflight_core::{
    AccessToken, EndReason, Epoch, Error, ErrorKind, FailureClass, GrantError, RefreshToken, Secret, TokenSet,
    TokenSetError, Unsendable,
    grant::{Reason, TokenRequest, grant_fn},
    store::{
        Blob, Body, Entry, EntryState, Facts, GrantKey, Op, OpId, Owner, Reply, Seen, StoreError, StoreErrorKind,
        StoredTokens,
    },
};
use tokenflight_machine::{Decision, Outcome, Pending, Policy, Reconcile, Saved, Times};

/// Of characters that every encoding writes differently.
const CANARY: &str = "cAn4ry~S3cr3t/+=(tOk3n)";

fn each_byte(format: impl Fn(u8) -> String) -> String {
    CANARY.bytes().map(format).collect()
}

/// The canary as it may show up: plain, in hex, percent, base64 at each alignment, as a byte list.
fn forms() -> Vec<String> {
    let hex = each_byte(|byte| format!("{byte:02x}"));
    let percent = each_byte(|byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).into()
        } else {
            format!("%{byte:02X}")
        }
    });
    let list = CANARY.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
    let mut forms = vec![
        CANARY.to_owned(),
        CANARY[4..16].to_owned(),
        hex.to_uppercase(),
        hex,
        percent.to_lowercase(),
        percent,
        each_byte(|byte| format!("%{byte:02X}")),
        each_byte(|byte| format!("\\x{byte:02x}")),
        list,
    ];
    for before in ["", "x", "xx"] {
        let bytes = [before.as_bytes(), CANARY.as_bytes()].concat();
        // Without the ends, which depend on what stands beside it.
        for text in [BASE64_STANDARD_NO_PAD.encode(&bytes), BASE64_URL_SAFE_NO_PAD.encode(&bytes)] {
            forms.push(text[4..text.len() - 4].to_owned());
        }
    }
    forms
}

#[track_caller]
fn assert_hidden(text: &str) {
    for form in forms() {
        assert!(!text.contains(&form), "the secret shows as {form}: {text}");
    }
}

#[track_caller]
fn assert_debug_hides(value: &dyn Debug) {
    assert_hidden(&format!("{value:?}"));
    assert_hidden(&format!("{value:#?}"));
}

/// Display, both debugs, and the same of every cause.
#[track_caller]
fn assert_error_hides(error: &(dyn StdError + 'static)) {
    let mut next = Some(error);
    while let Some(error) = next {
        assert_hidden(&error.to_string());
        assert_hidden(&format!("{error:#}"));
        assert_debug_hides(&error);
        next = error.source();
    }
}

fn set() -> TokenSet {
    TokenSet::new(CANARY)
        .refresh_token(CANARY)
        .expires_in(secs(60))
        .refresh_in(secs(30))
        .scope("read")
        .token_type("Bearer")
}

fn stored() -> StoredTokens {
    StoredTokens::from_set(&set(), WALL, None)
}

fn entry(state: EntryState) -> Entry {
    let mut entry = Entry::default();
    (entry.op, entry.login, entry.set, entry.rotation) = (OpId::new(1), OpId::new(2), OpId::new(3), 4);
    entry.state = state;
    entry.extra = vec![("of a newer version".to_owned(), Secret::new(CANARY))];
    entry
}

fn entries() -> [Entry; 3] {
    let ended = EntryState::Ended { tokens: stored(), reason: EndReason::new("invalid_grant"), at: WALL };
    [entry(EntryState::Active(stored())), entry(ended), entry(EntryState::LoggedOut)]
}

fn ops() -> Vec<Op> {
    let presented = Some(RefreshToken::new(CANARY));
    let (owner, epoch, login, over) = (Owner::new(1), Epoch::new(1), OpId::new(2), OpId::new(3));
    let reason = EndReason::new("invalid_grant");
    let bodies = [
        Body::Commit { epoch, login, over, presented: presented.clone(), next: stored() },
        Body::End { owner, epoch, login, over, presented, reason, at: WALL },
        Body::Reset { base: None, tokens: Some(stored()) },
        Body::Again { record: Box::new(entries()[0].clone()) },
    ];
    bodies.into_iter().map(|body| Op::new(None, at(0), body).tried_on(Some(Box::new(entries()[0].clone())))).collect()
}

#[test]
fn the_test_would_notice() {
    for shown in
        [CANARY.to_owned(), format!("{:?}", CANARY.as_bytes()), format!("a{}", BASE64_STANDARD_NO_PAD.encode(CANARY))]
    {
        assert!(std::panic::catch_unwind(|| assert_hidden(&shown)).is_err(), "{shown}");
    }
}

#[test]
fn no_value_that_holds_a_token_shows_it() {
    let secret = Secret::new(CANARY);
    assert_eq!(format!("{secret:?} {secret:#?}"), "[redacted] [redacted]");
    assert_eq!(secret.expose(), CANARY);
    assert_debug_hides(&secret);
    assert_debug_hides(&AccessToken::new(CANARY));
    assert_debug_hides(&RefreshToken::new(CANARY));
    assert_debug_hides(&set());
    assert_debug_hides(&TokenRequest::new(Some(RefreshToken::new(CANARY)), Reason::Due));
    let captured = CANARY.to_owned();
    assert_debug_hides(&grant_fn(move |_: TokenRequest| {
        let _ = &captured;
        async { Err::<TokenSet, _>(GrantError::new(FailureClass::Config)) }
    }));
}

#[test]
fn nothing_that_goes_to_or_comes_from_a_store_shows_it() {
    assert_debug_hides(&stored());
    assert_debug_hides(&GrantKey::new("a key"));
    assert_debug_hides(&Blob::new(CANARY.as_bytes().to_vec()));
    for op in ops() {
        assert_debug_hides(&op);
        assert_debug_hides(&Pending::tried(op, None));
    }
    for entry in entries() {
        assert_debug_hides(&Seen::new(Some(entry.clone()), Facts::in_process()));
        assert_debug_hides(&Reply::Stored { entry: entry.clone(), replaced: Some(stored()) });
        assert_error_hides(&StoreError::unknown("no answer").computed_on(Some(entry)));
    }
}

#[test]
fn nothing_of_the_machine_shows_it() {
    let mut machine: Session = machine(Policy::default());
    let plan = started(machine.usable(None, at(0)));
    for entry in entries() {
        let (known, seen) = (Arc::new(entry.clone()), Seen::new(Some(entry), Facts::in_process()));
        let reconcile = rules(Policy::default()).reconcile(&plan, &seen, at(0));
        assert_debug_hides(&reconcile);
        let token = match reconcile {
            Reconcile::Adopt(times) => Some((1, times)),
            _ => None,
        };
        let mut machine = machine.clone();
        let before = machine.view();
        assert_debug_hides(&machine.finish(&plan, Outcome::Found { entry: Some(known), token }, at(0), 0));
        assert_debug_hides(&before.events(&machine.view()));
        assert_debug_hides(&machine);
        assert_debug_hides(&(machine.offer(true, at(0)), machine.view(), machine.force(at(0))));
        if let Decision::Refuse(error) = machine.usable(None, at(100_000)) {
            assert_error_hides(&error);
        }
        machine.login(Some(2), Times::new(at(1), None), stored(), at(1), 0);
        let write = machine.flush().expect("a login to be stored");
        let failure = support::unsaved(StoreErrorKind::Unknown);
        assert_debug_hides(&machine.pending(write));
        assert_debug_hides(&machine.written(write, Err(failure), at(1), 0));
        assert_debug_hides(&(machine.clone(), machine.logout(at(2)), machine.take_pending()));
    }
}

fn grant_errors() -> Vec<GrantError> {
    let classes = [
        FailureClass::NotSent,
        FailureClass::Throttled,
        FailureClass::Ambiguous,
        FailureClass::Terminal,
        FailureClass::Config,
        FailureClass::Interaction,
    ];
    let full = |class| {
        let error = GrantError::new(class).code("invalid_grant").description("of the server").retry_after(secs(3));
        error.rotated(RefreshToken::new(CANARY)).source(Unsendable)
    };
    classes.into_iter().map(full).collect()
}

#[test]
fn no_error_shows_a_token_nor_does_any_of_its_causes() {
    for error in grant_errors() {
        assert_eq!(error.rotated_token().map(RefreshToken::expose), Some(CANARY));
        assert_debug_hides(&error.end_reason());
        assert_error_hides(&error);
        let error = Error::from(error);
        assert_error_hides(&error);
        assert_error_hides(&Error::with_source(ErrorKind::Store, StoreError::refused(error)));
    }
    // What cannot be sent says so without saying what it is.
    let unsendable = AccessToken::new(format!("{CANARY}\n"));
    assert_error_hides(&unsendable.to_header().expect_err("a line break"));
    assert_error_hides(&TokenSet::new(format!("{CANARY} ")).check().expect_err("a space"));
    assert_error_hides(&set().token_type("mac").check().expect_err("an unknown type"));
}

#[test]
fn every_kind_of_error_has_words_and_no_secret() {
    let kinds = [
        ErrorKind::NotLoggedIn,
        ErrorKind::LoggedOut,
        ErrorKind::Ended(EndReason::new("invalid_grant").description("reused")),
        ErrorKind::NoRefreshToken,
        ErrorKind::SessionChanged,
        ErrorKind::Refresh(FailureClass::Ambiguous),
        ErrorKind::Store,
        ErrorKind::FreshRefused,
        ErrorKind::Futile,
        ErrorKind::StillRefused,
        ErrorKind::TimedOut,
        ErrorKind::Recursion,
        ErrorKind::Closed,
        ErrorKind::NoTimer,
    ];
    let mut told = Vec::new();
    for kind in kinds {
        let error = Error::new(kind);
        assert_error_hides(&error);
        told.push(error.to_string());
    }
    let count = told.len();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), count, "two kinds with the same words");
}

#[test]
fn what_a_server_says_is_cut_and_cleaned() {
    let long = format!("evil\n\r\u{7}\u{1b}[31m{}", "x".repeat(10_000));
    let error = GrantError::terminal(&long).description(&long);
    let reason = error.end_reason();
    for text in [reason.to_string(), error.to_string(), reason.code().to_owned()] {
        assert!(text.len() < 700, "{} bytes", text.len());
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
    assert_eq!(reason.code().chars().count(), 256);
}

#[test]
fn the_header_is_sensitive_and_so_are_its_clones() {
    let header = AccessToken::new(CANARY).to_header().expect("all visible");
    assert_eq!(header.to_str().ok(), Some(format!("Bearer {CANARY}").as_str()));
    assert!(header.is_sensitive() && header.clone().is_sensitive());
    assert_debug_hides(&header);
    let mut headers = http::HeaderMap::new();
    headers.insert(http::header::AUTHORIZATION, header.clone());
    assert_debug_hides(&headers);
    assert!(set().check().is_ok_and(|checked| checked == header && checked.is_sensitive()));
}

#[test]
fn only_visible_characters_are_sent() {
    for byte in 0..=0x7f_u8 {
        let text = format!("a{}b", char::from(byte));
        let sendable = (0x21..=0x7e).contains(&byte);
        assert_eq!(AccessToken::new(&*text).to_header().is_ok(), sendable, "{byte:#x}");
        assert_eq!(TokenSet::new(text).check().err(), (!sendable).then_some(TokenSetError::Unsendable), "{byte:#x}");
    }
    for text in ["", "ä", "\u{80}", "\u{ff}", "a\u{2028}b", "€"] {
        assert_eq!(AccessToken::new(text).to_header(), Err(Unsendable), "{text:?}");
    }
}

#[test]
fn any_spelling_of_bearer_is_a_type_we_speak_and_nothing_else_is() {
    for good in ["Bearer", "bearer", "BEARER"] {
        assert!(set().token_type(good).check().is_ok(), "{good}");
    }
    for bad in ["DPoP", "mac", "", "Bearer ", "N_A"] {
        assert_eq!(set().token_type(bad).check().err(), Some(TokenSetError::UnknownType), "{bad:?}");
    }
    assert!(TokenSet::new("t").check().is_ok(), "a missing type is Bearer");
}

#[test]
fn secrets_are_compared_by_content() {
    assert_eq!(Secret::new("same"), Secret::new(String::from("same")));
    for other in ["Same", "same ", "sam", ""] {
        assert_ne!(Secret::new("same"), Secret::new(other), "{other:?}");
    }
}

/// Events carry errors and reasons, which are clean already; their numbers are all they show.
#[test]
fn no_outcome_of_a_refresh_shows_it() {
    let mut machine: Session = machine(Policy::default());
    let plan = started(machine.usable(None, at(0)));
    for error in grant_errors() {
        let (class, error) = (error.class(), Error::from(error));
        let unsaved = |op| Saved::Unsaved { op, error: error.clone() };
        for op in ops() {
            let outcomes: [Outcome<u32>; 3] = [
                Outcome::Failed { class, error: error.clone(), in_doubt: None, rotated: Some(unsaved(op.clone())) },
                support::answered(&plan, Times::new(at(0), None), unsaved(op)),
                Outcome::Over { error: error.clone() },
            ];
            for outcome in outcomes {
                assert_debug_hides(&outcome);
                let mut machine = machine.clone();
                let before = machine.view();
                machine.finish(&plan, outcome, at(0), 0);
                assert_debug_hides(&(before.events(&machine.view()), machine.clone(), machine.tick(at(1))));
            }
        }
    }
}

proptest! {
    #![proptest_config(support::cases(1000))]

    /// Whatever is sent is exactly the token, and a header may hold it.
    #[test]
    fn a_header_holds_the_token_or_there_is_none(token in ".{0,60}") {
        if let Ok(header) = AccessToken::new(token.clone()).to_header() {
            let expected = HeaderValue::from_str(&format!("Bearer {token}"));
            prop_assert_eq!(expected.ok(), Some(header));
        }
    }
}
