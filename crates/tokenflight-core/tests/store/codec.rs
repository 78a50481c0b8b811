//! The format of entries.

use tokenflight_core::{
    AccessToken, Epoch, Secret,
    store::{
        Reading,
        codec::{DecodeError, VERSION, decode, encode},
    },
};

use crate::support::*;

use proptest::prelude::*;

/// Any text, with what JSON must escape.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,20}",
        "\\PC{0,12}",
        any::<String>(),
        Just("\u{0}\u{1f}\"\\/\u{7f}\u{2028}\u{1f511}".to_owned())
    ]
}

fn millis() -> impl Strategy<Value = Duration> {
    any::<u64>().prop_map(Duration::from_millis)
}

fn stored_tokens() -> impl Strategy<Value = StoredTokens> {
    let option = prop::option::of::<BoxedStrategy<String>>;
    let text = || option(text().boxed());
    (text(), text(), prop::option::of(millis()), millis(), text(), text(), text()).prop_map(
        |(access, refresh, lifetime, received, scope, issuer, client_id)| {
            let mut tokens = StoredTokens::default();
            tokens.access = access.map(AccessToken::new);
            tokens.refresh = refresh.map(RefreshToken::new);
            (tokens.lifetime, tokens.received) = (lifetime, received);
            (tokens.scope, tokens.issuer, tokens.client_id) = (scope, issuer, client_id);
            tokens
        },
    )
}

fn state() -> impl Strategy<Value = EntryState> {
    let ended =
        (stored_tokens(), text(), prop::option::of(text()), millis()).prop_map(|(tokens, code, details, at)| {
            let reason = EndReason::new(&code);
            let reason = details.iter().fold(reason, |reason, details| reason.description(details));
            EntryState::Ended { tokens, reason, at }
        });
    prop_oneof![
        Just(EntryState::Empty),
        Just(EntryState::LoggedOut),
        stored_tokens().prop_map(EntryState::Active),
        ended,
    ]
}

/// Any number, and often the one that means nothing elsewhere.
fn id() -> impl Strategy<Value = u128> {
    prop_oneof![Just(0), any::<u128>()]
}

fn reading() -> impl Strategy<Value = Option<Reading>> {
    prop::option::of((id(), millis()).prop_map(|(clock, at)| Reading { clock: ClockId::new(clock), at }))
}

/// An extra member: a name that the format does not have, and JSON as other programs write it.
fn extra() -> impl Strategy<Value = (String, Secret)> {
    let values = [
        "null",
        "-0.0e-7",
        "[ 1,  {\"v\":2} ]",
        "\"\\u00e9\\/\"",
        "{\"access_token\" : \"x\"}",
        "12345678901234567890123",
    ];
    ("x-[a-z\"\\\\]{0,5}", prop::sample::select(values.to_vec())).prop_map(|(name, value)| (name, Secret::new(value)))
}

prop_compose! {
    fn entry()(
        (op, login, set) in (id(), id(), id()),
        home in prop::option::of(id()),
        (epoch, rotation) in any::<(u64, u64)>(),
        state in state(),
        claim in prop::option::of(((id(), id()), reading(), millis(), millis(), prop::option::of(id()), any::<bool>(), text())),
        doubt in prop::option::of(reading()),
        extra in prop::collection::vec(extra(), 0..4),
    ) -> Entry {
        let mut entry = Entry::default();
        (entry.op, entry.login, entry.set) = (OpId::new(op), OpId::new(login), OpId::new(set));
        entry.home = home.map(Incarnation::new);
        (entry.epoch, entry.rotation, entry.state) = (Epoch::new(epoch), rotation, state);
        entry.claim = claim.map(|((owner, op), since, until, length, lock, dying, holder)| {
            let mut claim = logged_in(&clocked(1)).1.claim.unwrap();
            (claim.owner, claim.op, claim.since) = (Owner::new(owner), OpId::new(op), since);
            (claim.until, claim.length, claim.lock) = (until, length, lock.map(LockId::new));
            (claim.dying, claim.holder) = (dying, holder.into());
            claim
        });
        entry.doubt = doubt.map(Doubt::since);
        entry.extra = extra;
        entry
    }
}

proptest! {
    /// That the buffer does not grow meanwhile is asserted where it is written.
    #[test]
    fn what_was_written_is_read_as_it_was(entry in entry()) {
        let bytes = encode(&entry);
        prop_assert_eq!(&decode(bytes.expose()).unwrap(), &entry);
        prop_assert!(serde_json::from_slice::<serde_json::Value>(bytes.expose()).is_ok());
        prop_assert_eq!(encode(&decode(bytes.expose()).unwrap()), bytes);
    }

    #[test]
    fn a_record_that_was_cut_off_is_truncated(entry in entry(), at: prop::sample::Index) {
        let bytes = encode(&entry);
        let cut = at.index(bytes.expose().len());
        prop_assert_eq!(decode(&bytes.expose()[..cut]), Err(DecodeError::Truncated), "at {}", cut);
    }

    #[test]
    fn damaged_bytes_are_an_entry_or_an_error(entry in entry(), at: prop::sample::Index, byte: u8) {
        let mut bytes = encode(&entry).expose().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = decode(&bytes);
    }

    #[test]
    fn any_bytes_are_an_entry_or_an_error(bytes: Vec<u8>, text in "[{}\\[\\]\":,a-z0-9\\\\ ]{0,40}") {
        let _ = (decode(&bytes), decode(text.as_bytes()));
    }
}

#[test]
fn a_record_that_was_cut_off_at_any_byte_is_truncated() {
    let (_, entry) = logged_in(&clocked(100));
    let bytes = encode(&entry);
    for cut in 0..bytes.expose().len() {
        assert_eq!(decode(&bytes.expose()[..cut]), Err(DecodeError::Truncated), "at {cut}");
    }
}

#[test]
fn a_later_version_of_the_format_is_refused_by_name() {
    let record = format!(r#"{{"v":{},"state":"entangled","op":7}}"#, VERSION + 1);
    assert_eq!(decode(record.as_bytes()), Err(DecodeError::Version(VERSION + 1)));
    assert!(decode(br#"{"state":"empty"}"#).is_ok(), "a record by hand needs none");
}

#[test]
fn members_of_others_are_kept_byte_for_byte_and_those_of_the_format_stand_once() {
    let record = r#"{ "color" : [ 1.50, "\u00e9" ], "v":1, "state":"active","access_token":"old","access_token":"new","\u0072efresh_token":"r", "then": {"v": 9} }"#;
    let entry = decode(record.as_bytes()).unwrap();
    assert_eq!(entry.tokens().and_then(|tokens| tokens.access.as_ref()).map(AccessToken::expose), Some("new"));
    let text = String::from_utf8(encode(&entry).expose().to_vec()).unwrap();
    assert!(text.contains(r#""color":[ 1.50, "\u00e9" ]"#) && text.contains(r#""then":{"v": 9}"#), "{text}");
    assert_eq!((text.matches("_token\"").count(), text.matches("access_token").count()), (2, 1), "{text}");
    // What a logout left behind does not come back with the next login.
    let stale = decode(br#"{"state":"logged_out","access_token":"stale","color":"blue"}"#).unwrap();
    assert_eq!(stale.extra.len(), 1);
    let mut login = stale;
    login.extra.push(("access_token".to_owned(), Secret::new("\"stale\"")));
    login.state = EntryState::Active(tokens(1));
    assert_eq!(decode(encode(&login).expose()).unwrap().tokens(), Some(&tokens(1)));
}

#[test]
fn a_duration_beyond_the_format_becomes_its_longest() {
    let mut entry = Entry::default();
    let mut tokens = tokens(1);
    tokens.lifetime = Some(Duration::MAX);
    entry.state = EntryState::Active(tokens);
    let read = decode(encode(&entry).expose()).unwrap();
    assert_eq!(read.tokens().and_then(|tokens| tokens.lifetime), Some(Duration::from_millis(u64::MAX)));
}

#[test]
fn what_is_no_record_is_named_and_not_repeated() {
    for (record, expected) in [
        ("", DecodeError::Truncated),
        ("secret", DecodeError::NotJson),
        ("[]", DecodeError::NotJson),
        ("{}{}", DecodeError::NotJson),
        ("{}", DecodeError::Member("state")),
        (r#"{"state":"secret"}"#, DecodeError::Member("state")),
        (r#"{"state":"empty","op":"secret"}"#, DecodeError::Member("op")),
        (r#"{"state":"empty","op":7}"#, DecodeError::Member("op")),
        (r#"{"state":"empty","epoch":-1}"#, DecodeError::Member("epoch")),
        (r#"{"state":"empty","epoch":1.5}"#, DecodeError::Member("epoch")),
        (r#"{"state":"active","access_token":["secret"]}"#, DecodeError::Member("access_token")),
        (r#"{"state":"active","access_token":"\ud800"}"#, DecodeError::Member("access_token")),
        (r#"{"state":"empty","claim":"secret"}"#, DecodeError::Member("claim")),
        (r#"{"state":"empty","claim":{}}"#, DecodeError::Member("claim.owner")),
    ] {
        let error = decode(record.as_bytes()).unwrap_err();
        assert_eq!(error, expected, "{record}");
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}

#[test]
fn every_escape_of_json_is_read() {
    let record = r#"{"state":"active","access_token":"\"\\\/\b\f\n\r\t\u00e9\ud83d\udd11"}"#;
    let entry = decode(record.as_bytes()).unwrap();
    let access = entry.tokens().and_then(|tokens| tokens.access.clone()).unwrap();
    assert_eq!(access.expose(), "\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1f511}");
}

#[test]
fn nothing_that_is_secret_is_shown() {
    let (_, mut entry) = logged_in(&clocked(100));
    entry.extra.push(("color".to_owned(), Secret::new("\"refresh-9\"")));
    let bytes = encode(&entry);
    let shown = format!("{entry:?} {bytes:?}");
    assert!(!shown.contains("access-") && !shown.contains("refresh-"), "{shown}");
}
