//! What a refresh does with the store, in which order, and when it does not go on.
#![cfg(not(shuttle))]

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join;
use tokenflight::{
    Entry, EntryState, Epoch, ErrorKind, Event, FailureClass, GrantError, GrantKey, Session, Store, StoredTokens,
    TokenSet,
    core::store::{Body, Op, OpId, Owner, Reply},
    grant_fn,
};
use tokenflight_test::{
    ManualTime, MockGrant, MockStore, ModelStore,
    mock::{Fate, OpKind, Step, Trouble},
};

const LIFE: Duration = secs(300);

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn key() -> GrantKey {
    GrantKey::new("default")
}

fn pair(name: &str) -> TokenSet {
    TokenSet::new(format!("access-{name}")).refresh_token(format!("refresh-{name}")).expires_in(LIFE)
}

/// A session whose token has expired, and the log of its store from then on.
struct Fixture {
    time: ManualTime,
    grant: MockGrant,
    store: MockStore,
    model: ModelStore,
    session: Session,
    seen: usize,
}

impl Fixture {
    fn new() -> Self {
        let (time, grant, model) = (ManualTime::new(3), MockGrant::new(), ModelStore::new());
        let store = MockStore::before(model.clone());
        let builder = Session::builder(grant.clone()).store(store.clone()).time(time.clone());
        let session = builder.build().expect("the settings make sense");
        time.run(session.login(pair("0"))).expect("stored");
        time.advance(LIFE);
        let seen = store.kinds().len();
        Self { time, grant, store, model, session, seen }
    }

    /// What was done to the store since the expiry.
    fn kinds(&self) -> Vec<OpKind> {
        self.store.kinds().split_off(self.seen)
    }

    fn entry(&self) -> Entry {
        self.model.entry(&key()).expect("something is stored")
    }

    fn is_claimed(&self) -> bool {
        self.entry().claim.is_some()
    }

    fn is_in_doubt(&self) -> bool {
        self.entry().doubt.is_some()
    }

    fn token(&self) -> Result<String, tokenflight::Error> {
        self.time.run(self.session.token()).map(|token| token.access().expose().to_owned())
    }

    /// Stores a successor, as another process would.
    fn put(&self, name: &str) {
        let (mut entry, id) = (self.entry(), OpId::unique());
        (entry.op, entry.set, entry.rotation) = (id, id, entry.rotation + 1);
        (entry.state, entry.claim, entry.doubt) = (EntryState::Active(self.stored(name)), None, None);
        self.model.set_entry(&key(), Some(entry));
    }

    fn presented(&self) -> Vec<String> {
        self.grant.presented().iter().map(|token| token.expose().to_owned()).collect()
    }

    fn stored(&self, name: &str) -> StoredTokens {
        StoredTokens::from_set(&pair(name), self.time.now().wall, None)
    }
}

use OpKind::{Claim, Commit, End, Load, Settle};

/// At every step what must have happened has happened, and nothing else.
#[test]
fn a_refresh_reads_claims_presents_commits_and_then_publishes() {
    let (time, store) = (ManualTime::new(3), MockStore::new());
    let trace = Arc::new(Mutex::new(Vec::new()));
    let note = {
        let (trace, store) = (Arc::clone(&trace), store.clone());
        move |what: &'static str| {
            let done: Vec<_> = store.log().iter().map(|op| (op.kind, op.fate)).collect();
            trace.lock().unwrap_or_else(PoisonError::into_inner).push((what, done));
        }
    };
    let ask = note.clone();
    let grant = grant_fn(move |_| {
        ask("presented");
        async { Ok(pair("1")) }
    });
    let builder = Session::builder(grant).store(store.clone()).time(time.clone()).on_event(move |event| match event {
        Event::Refreshed { .. } => note("published"),
        Event::LoggedIn { .. } => {}
        other => panic!("unexpected: {other:?}"),
    });
    let session = builder.build().expect("the settings make sense");
    time.run(session.login(pair("0"))).expect("stored");
    time.advance(LIFE);
    time.run(session.token()).expect("a token");

    let done = |kinds: &[OpKind]| kinds.iter().map(|kind| (*kind, Fate::Succeeded)).collect::<Vec<_>>();
    let trace = trace.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(trace[0], ("presented", done(&[Load, OpKind::Reset, Load, Claim])));
    assert_eq!(trace[1], ("published", done(&[Load, OpKind::Reset, Load, Claim, Commit])));
    assert_eq!(trace.len(), 2);
}

/// Persist, then publish.
#[test]
fn no_caller_sees_a_token_before_it_is_stored() {
    let fixture = Fixture::new();
    let gate = fixture.store.gate(Commit);
    gate.close();
    let check = async {
        gate.until_parked(1).await;
        assert_eq!((fixture.grant.count(), fixture.session.state().generation.get()), (1, 1));
        assert!(fixture.is_claimed() && !fixture.is_in_doubt(), "the claim stands until the commit");
        gate.open();
    };
    let (token, ()) = fixture.time.run(join(fixture.session.token(), check));
    assert_eq!(token.expect("a token").generation().get(), 2);
    assert_eq!(fixture.kinds(), [Load, Claim, Commit]);
    assert!(!fixture.is_claimed() && !fixture.is_in_doubt());
}

/// Two attempts of a session must not be taken for one: the claim of the first may be the only sign that it has sent something.
#[test]
fn one_attempt_is_one_owner_and_the_next_attempt_another() {
    let fixture = Fixture::new();
    fixture.grant.push(Step::Fail(GrantError::new(FailureClass::NotSent)));
    fixture.token().expect_err("not sent");
    fixture.time.advance(secs(2));
    fixture.token().expect("a token");
    assert_eq!(fixture.kinds(), [Load, Claim, Settle, Load, Claim, Commit]);
    let log = fixture.store.log().split_off(fixture.seen);
    let owners: Vec<_> = log.iter().filter_map(|op| op.owner).collect();
    let [one, still, other] = owners[..] else { panic!("two attempts, one of them settled: {log:?}") };
    assert!(one == still && still != other);
}

/// A session that has just been built finds what it needs without excluding another.
#[test]
fn a_first_look_that_finds_a_good_token_makes_no_claim() {
    let fixture = Fixture::new();
    fixture.put("x");
    let store = MockStore::before(fixture.model.clone());
    let builder = Session::builder(fixture.grant.clone()).store(store.clone()).time(fixture.time.clone());
    let second = builder.build().expect("the settings make sense");
    assert_eq!(fixture.time.run(second.token()).expect("found").access().expose(), "access-x");
    assert_eq!((store.kinds().as_slice(), fixture.grant.count()), ([Load].as_slice(), 0));
}

#[test]
fn what_another_process_has_stored_is_adopted_by_reading_alone() {
    let fixture = Fixture::new();
    fixture.put("x");
    let before = fixture.entry();
    assert_eq!(fixture.token().expect("adopted"), "access-x");
    assert_eq!((fixture.kinds(), fixture.grant.count()), (vec![Load], 0));
    assert_eq!(fixture.entry(), before);
}

/// Presenting the older token would end the session that the newer one keeps alive.
#[test]
fn an_older_entry_is_neither_presented_nor_touched() {
    let fixture = Fixture::new();
    let old = fixture.entry();
    fixture.token().expect("another rotation");
    fixture.model.set_entry(&key(), Some(old.clone()));
    fixture.time.advance(LIFE);
    let error = fixture.token().expect_err("the store went back in time");
    assert_eq!(error.class(), Some(FailureClass::Config));
    assert_eq!((fixture.grant.count(), fixture.entry()), (1, old));
}

/// A storage that says that it has lost a part of its history gets it back, and the successor is presented.
#[test]
fn what_a_failover_has_lost_is_written_back() {
    let fixture = Fixture::new();
    fixture.token().expect("another rotation");
    // The claim and the commit are lost.
    fixture.model.fail_over(2);
    fixture.time.advance(LIFE);
    let seen = fixture.store.kinds().len();
    assert_eq!(fixture.token().expect("presented after the quarantine"), "access-2");
    assert_eq!(fixture.store.kinds()[seen..seen + 2], [Load, OpKind::Again]);
    assert_eq!(fixture.presented(), ["refresh-0", "refresh-1"]);
}

#[test]
fn nothing_is_presented_when_the_store_cannot_be_asked() {
    let troubles =
        [Trouble::Fail, Trouble::FailAfter, Trouble::Refuse, Trouble::Panic, Trouble::Hang, Trouble::HangAfter];
    let rows =
        troubles.map(|trouble| (Load, trouble)).into_iter().chain([(Claim, Trouble::Fail), (Claim, Trouble::Refuse)]);
    for (kind, trouble) in rows {
        let fixture = Fixture::new();
        fixture.store.push(kind, trouble);
        let error = fixture.token().expect_err("the store failed");
        assert_eq!((error.kind(), fixture.grant.count()), (&ErrorKind::Store, 0), "{kind:?} {trouble:?}");
        fixture.time.advance(secs(1));
        fixture.token().expect("the store answers again");
        assert_eq!(fixture.grant.count(), 1, "{kind:?} {trouble:?}");
    }
}

/// Whether it was stored is not known: the same claim is made again, and finds out. It is never waited for as if it were
/// another holder's.
#[test]
fn a_claim_whose_answer_was_lost_is_made_again_under_its_own_name() {
    for trouble in [Trouble::FailAfter, Trouble::Unknown, Trouble::Late, Trouble::Zombie] {
        let fixture = Fixture::new();
        fixture.store.push(Claim, trouble);
        let began = fixture.time.now().boot;
        fixture.token().expect("a token");
        assert!(fixture.time.now().boot - began < secs(1), "{trouble:?}");
        assert_eq!((fixture.grant.count(), fixture.kinds()), (1, vec![Load, Claim, Claim, Commit]), "{trouble:?}");
        let claims: Vec<_> = fixture.store.log().into_iter().filter(|call| call.kind == Claim).collect();
        assert_eq!(claims[0].id, claims[1].id, "{trouble:?}");
    }
}

/// A claim that is never answered may be stored, or may be stored later; nothing is presented under it, and the next attempt
/// of the session does not wait for it.
#[test]
fn a_claim_that_is_never_answered_is_no_obstacle_to_the_session_that_made_it() {
    for trouble in [Trouble::Hang, Trouble::HangAfter] {
        let fixture = Fixture::new();
        fixture.store.push(Claim, trouble);
        let error = fixture.token().expect_err("the store does not answer");
        assert_eq!((error.kind(), fixture.grant.count()), (&ErrorKind::Store, 0), "{trouble:?}");
        fixture.time.advance(secs(1));
        let began = fixture.time.now().boot;
        fixture.token().expect("a token");
        assert!(fixture.time.now().boot - began < secs(1), "{trouble:?}");
    }
}

/// There was a login elsewhere between the look and the claim.
#[test]
fn what_has_changed_since_it_was_read_is_not_claimed() {
    let fixture = Fixture::new();
    let gate = fixture.store.gate(Claim);
    gate.close();
    let login = async {
        gate.until_parked(1).await;
        let reset = Body::Reset { base: None, tokens: Some(fixture.stored("other")) };
        fixture.model.apply(&key(), Op::new(None, fixture.time.now(), reset)).await.expect("a login elsewhere");
        gate.open();
    };
    let (token, ()) = fixture.time.run(join(fixture.session.token(), login));
    assert_eq!(token.expect("adopted").access().expose(), "access-other");
    assert_eq!((fixture.kinds(), fixture.grant.count()), (vec![Load, Claim, Load], 0));
}

/// What is left of the claim must cover a whole request, or another holder presents the token meanwhile.
#[test]
fn nothing_is_presented_under_a_claim_that_has_become_too_old() {
    for (slow, goes_on) in [(secs(9), true), (secs(11), false)] {
        let fixture = Fixture::new();
        // A pause of the machine, in which no limit runs out.
        let gate = fixture.store.gate(Claim);
        gate.close();
        let delay = async {
            gate.until_parked(1).await;
            fixture.time.suspend(slow);
            gate.open();
        };
        let (token, ()) = fixture.time.run(join(fixture.session.token(), delay));
        assert_eq!((token.is_ok(), fixture.grant.count()), (goes_on, usize::from(goes_on)));
        assert!(!fixture.is_claimed() && !fixture.is_in_doubt(), "given back in either case");
        if !goes_on {
            assert_eq!(fixture.kinds(), [Load, Claim, Settle]);
            fixture.time.advance(secs(1));
            fixture.token().expect("a quick store");
        }
    }
}

#[test]
fn an_unknown_outcome_puts_the_token_in_doubt() {
    for step in [Step::HangSent, Step::PanicSent, Step::Fail(GrantError::new(FailureClass::Ambiguous))] {
        let fixture = Fixture::new();
        let what = format!("{step:?}");
        fixture.grant.push(step);
        assert_eq!(fixture.token().expect_err("no answer").class(), Some(FailureClass::Ambiguous), "{what}");
        assert_eq!(fixture.kinds(), [Load, Claim, Settle], "{what}");
        assert!(fixture.is_in_doubt(), "{what}");
        assert!(fixture.is_claimed(), "until what was sent has arrived: {what}");
    }
}

#[test]
fn an_outcome_that_left_the_refresh_token_alone_gives_the_claim_back() {
    let failures = [FailureClass::NotSent, FailureClass::Throttled, FailureClass::Config];
    let steps = failures.map(|class| Step::Fail(GrantError::new(class)));
    for step in steps.into_iter().chain([Step::HangUnsent, Step::PanicUnsent]) {
        let fixture = Fixture::new();
        let what = format!("{step:?}");
        fixture.grant.push(step);
        fixture.token().expect_err("no token");
        assert_eq!(fixture.kinds(), [Load, Claim, Settle], "{what}");
        assert!(!fixture.is_claimed() && !fixture.is_in_doubt(), "{what}");
    }
}

/// The doubt that an earlier attempt has left is not settled by one that never got through.
#[test]
fn an_attempt_that_comes_to_nothing_does_not_clear_an_earlier_doubt() {
    let fixture = Fixture::new();
    fixture.grant.push(Step::Fail(GrantError::new(FailureClass::Ambiguous)));
    fixture.grant.push(Step::Fail(GrantError::new(FailureClass::NotSent)));
    fixture.token().expect_err("ambiguous");
    let doubt = fixture.entry().doubt;
    fixture.time.advance(secs(2));
    assert_eq!(fixture.token().expect_err("not sent").class(), Some(FailureClass::NotSent));
    assert_eq!(fixture.entry().doubt, doubt);
    assert!(doubt.is_some());
    fixture.time.advance(secs(4));
    fixture.token().expect("a token");
    assert!(!fixture.is_in_doubt());
}

#[test]
fn a_confirmed_end_is_one_conditional_write() {
    let fixture = Fixture::new();
    fixture.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    assert!(fixture.token().expect_err("over").is_ended());
    assert_eq!(fixture.kinds(), [Load, Claim, End]);
    assert!(matches!(fixture.entry().state, EntryState::Ended { .. }));
    assert!(!fixture.is_claimed() && !fixture.is_in_doubt());
}

/// A lost answer is no reason to present the refused token again.
#[test]
fn an_end_whose_answer_was_lost_is_noted_again() {
    for trouble in [Trouble::FailAfter, Trouble::Unknown, Trouble::Late] {
        let fixture = Fixture::new();
        fixture.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
        fixture.store.push(End, trouble);
        assert!(fixture.token().expect_err("over").is_ended(), "{trouble:?}");
        assert_eq!((fixture.kinds(), fixture.grant.count()), (vec![Load, Claim, End, End], 1), "{trouble:?}");
    }
}

/// Another process may have stored a successor: what the store has not confirmed is not over.
#[test]
fn an_end_that_cannot_be_stored_is_not_believed() {
    let fixture = Fixture::new();
    fixture.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    fixture.store.push(End, Trouble::Fail);
    let error = fixture.token().expect_err("no token");
    assert!(!error.is_ended() && error.is_transient(), "{error:?}");
    fixture.time.advance(secs(2));
    fixture.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    assert!(fixture.token().expect_err("over").is_ended());
}

/// The claim has run out and was taken; the successor is the only valid one all the same.
#[test]
fn a_late_holder_may_still_store_the_successor_of_what_is_stored() {
    let fixture = Fixture::new();
    fixture.grant.gate().close();
    let thief = async {
        fixture.grant.gate().until_parked(1).await;
        // The holder was paused for longer than its claim; no other has presented anything meanwhile.
        fixture.time.suspend(secs(80));
        let (owner, seen, holder) = (Owner::unique(), fixture.entry().op, "a thief".into());
        let claim = Body::Claim { owner, seen, length: secs(75), yields: None, holder };
        let claim = Op::new(None, fixture.time.now(), claim).watched(secs(15));
        assert!(matches!(fixture.model.apply(&key(), claim).await, Ok(Reply::Granted(_))));
        fixture.grant.gate().open();
    };
    let (token, ()) = fixture.time.run(join(fixture.session.token(), thief));
    token.expect("what is finished counts, however late it is noticed");
    let entry = fixture.entry();
    assert_eq!(entry.tokens().and_then(|tokens| tokens.refresh.as_ref()).expect("one").expose(), "refresh-1");
    assert_eq!(entry.epoch, Epoch::new(1));
    assert!(entry.claim.is_none() && entry.doubt.is_none(), "the thief's token is spent, and its claim with it");
}

/// Another successor is stored; ours is dropped and theirs adopted.
#[test]
fn a_commit_over_another_successor_is_refused_and_the_other_one_adopted() {
    let fixture = Fixture::new();
    let gate = fixture.store.gate(Commit);
    gate.close();
    let fork = async {
        gate.until_parked(1).await;
        fixture.put("fork");
        gate.open();
    };
    let (token, ()) = fixture.time.run(join(fixture.session.token(), fork));
    assert_eq!(token.expect("adopted").access().expose(), "access-fork");
    assert_eq!(fixture.kinds(), [Load, Claim, Commit]);
    fixture.time.advance(LIFE);
    fixture.token().expect("a token");
    assert_eq!(fixture.presented(), ["refresh-0", "refresh-fork"]);
}
