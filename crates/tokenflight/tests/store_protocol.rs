//! What a flight does with the store, in which order, and when it does not go on.
#![cfg(not(shuttle))]

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join;
use tokenflight::{
    ErrorKind, Event, FailureClass, GrantError, GrantKey, Record, RecordState, Session, Store, StoredTokens, TokenSet,
    grant_fn,
};
use tokenflight_core::lease::{Claim, Intent, Lease, Owner, Reset};
use tokenflight_core::{Epoch, Generation};
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
struct Bed {
    time: ManualTime,
    grant: MockGrant,
    store: MockStore,
    model: ModelStore,
    session: Session,
    seen: usize,
}

impl Bed {
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

    fn record(&self) -> Record {
        self.model.record(&key()).expect("something is stored")
    }

    fn intent(&self) -> Option<Intent> {
        self.record().intent
    }

    fn leased(&self) -> bool {
        self.model.lease_owner(&key()).is_some()
    }

    fn token(&self) -> Result<String, tokenflight::Error> {
        self.time.run(self.session.token()).map(|token| token.access().expose().to_owned())
    }

    /// Replaces the record as another process would.
    fn put(&self, state: RecordState, later: u64) {
        let old = self.record();
        let generation = Generation::new(old.generation.get() + later);
        self.model.put(&key(), Some(Record::new(old.epoch, generation, state)));
    }

    fn stored(&self, name: &str) -> StoredTokens {
        StoredTokens::from_set(&pair(name), self.time.now().wall, None)
    }
}

use OpKind::{Commit, End, Intend, Lease as Claims, Load, Settle};

/// at every step what must have happened has happened, and nothing else.
#[test]
fn a_flight_leases_intends_presents_commits_and_then_publishes() {
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
        Event::LoggedIn { .. } | Event::Persisted { .. } => {}
        other => panic!("unexpected: {other:?}"),
    });
    let session = builder.build().expect("the settings make sense");
    time.run(session.login(pair("0"))).expect("stored");
    time.advance(LIFE);
    time.run(session.token()).expect("a token");

    let done = |kinds: &[OpKind]| kinds.iter().map(|kind| (*kind, Fate::Succeeded)).collect::<Vec<_>>();
    let trace = trace.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(trace[0], ("presented", done(&[OpKind::Reset, Claims, Intend])));
    assert_eq!(trace[1], ("published", done(&[OpKind::Reset, Claims, Intend, Commit])));
    assert_eq!(trace.len(), 2);
}

/// persist, then publish.
#[test]
fn nobody_sees_a_token_before_it_is_stored() {
    let bed = Bed::new();
    let gate = bed.store.gate(Commit);
    gate.close();
    let check = async {
        gate.until_parked(1).await;
        assert_eq!((bed.grant.count(), bed.session.state().generation.get()), (1, 1));
        assert!(bed.intent().is_some_and(|intent| !intent.ambiguous), "the intent stands until the commit");
        assert!(bed.leased());
        gate.open();
    };
    let (token, ()) = bed.time.run(join(bed.session.token(), check));
    assert_eq!(token.expect("a token").generation().get(), 2);
    assert_eq!(bed.kinds(), [Claims, Intend, Commit]);
    assert!(bed.intent().is_none() && !bed.leased(), "a commit settles both");
}

#[test]
fn one_flight_is_one_owner_and_the_next_flight_another() {
    let bed = Bed::new();
    bed.token().expect("a token");
    bed.time.advance(LIFE);
    bed.token().expect("a token");
    let log = bed.store.log().split_off(bed.seen);
    let owners: Vec<_> = log.iter().map(|op| op.owner.expect("every step names its owner")).collect();
    let [one, again, still, other, ..] = owners[..] else { panic!("two flights of three steps: {log:?}") };
    assert!(one == again && again == still && still != other);
    assert_eq!(bed.kinds(), [Claims, Intend, Commit, Claims, Intend, Commit]);
}

/// A session that has just been built finds what it needs without excluding anybody.
#[test]
fn a_first_look_that_finds_a_good_token_takes_no_lease() {
    let bed = Bed::new();
    bed.put(RecordState::Active(bed.stored("x")), 1);
    let store = MockStore::before(bed.model.clone());
    let builder = Session::builder(bed.grant.clone()).store(store.clone()).time(bed.time.clone());
    let second = builder.build().expect("the settings make sense");
    assert_eq!(bed.time.run(second.token()).expect("found").access().expose(), "access-x");
    assert_eq!((store.kinds().as_slice(), bed.grant.count()), ([Load].as_slice(), 0));
}

/// C-31, C-41.
#[test]
fn what_is_adopted_under_the_lease_gives_the_lease_back() {
    let bed = Bed::new();
    bed.put(RecordState::Active(bed.stored("x")), 1);
    assert_eq!(bed.token().expect("adopted"), "access-x");
    assert_eq!((bed.kinds(), bed.grant.count()), (vec![Claims, Settle], 0));
    assert!(!bed.leased() && bed.intent().is_none());
}

/// C-42: presenting the older token would end the session that the newer one keeps alive.
#[test]
fn an_older_record_is_neither_presented_nor_touched() {
    let bed = Bed::new();
    bed.token().expect("generation two");
    let old = Record::new(Epoch::new(1), Generation::new(1), RecordState::Active(bed.stored("0")));
    bed.model.put(&key(), Some(old.clone()));
    bed.time.advance(LIFE);
    let error = bed.token().expect_err("the store went back in time");
    assert_eq!(error.class(), Some(FailureClass::Config));
    assert_eq!((bed.grant.count(), bed.record()), (1, old));
    assert!(!bed.leased());
}

/// R-516, C-39, one row a step.
#[test]
fn nothing_is_presented_when_a_step_before_it_fails() {
    for kind in [Claims, Intend] {
        for trouble in [Trouble::Fail, Trouble::FailAfter, Trouble::Panic, Trouble::Hang, Trouble::HangAfter] {
            let bed = Bed::new();
            bed.store.push(kind, trouble);
            let error = bed.token().expect_err("the store failed");
            assert_eq!((error.kind(), bed.grant.count()), (&ErrorKind::Store, 0), "{kind:?} {trouble:?}");

            // And it goes on once the store does: at the latest when a lease that nobody gave back has run out.
            bed.time.run(async {
                while bed.session.token().await.is_err() {
                    tokenflight::Time::sleep(&bed.time, secs(5)).await;
                }
            });
            assert_eq!(bed.grant.count(), 1, "{kind:?} {trouble:?}");
        }
    }
}

/// somebody else has taken the grant over between lease and intent.
#[test]
fn nothing_is_presented_when_the_lease_was_lost() {
    let bed = Bed::new();
    let gate = bed.store.gate(Intend);
    gate.close();
    let login = async {
        gate.until_parked(1).await;
        let reset = Reset::new(Epoch::new(2), Generation::new(2), Some(bed.stored("other")));
        bed.model.reset(&key(), reset).await.expect("a login elsewhere");
        gate.open();
    };
    let (token, ()) = bed.time.run(join(bed.session.token(), login));
    assert_eq!(*token.expect_err("the lease is gone").kind(), ErrorKind::Store);
    assert_eq!(bed.grant.count(), 0);

    bed.time.advance(secs(1));
    assert_eq!(bed.token().expect("the next flight adopts"), "access-other");
    assert_eq!(bed.grant.count(), 0);
}

/// what is left of the lease must cover a whole request, or somebody else presents the token meanwhile.
#[test]
fn nothing_is_presented_under_a_lease_that_has_become_too_old() {
    for (slow, goes_on) in [(secs(4), true), (secs(6), false)] {
        let bed = Bed::new();
        let delay = |kind| {
            let (gate, time) = (bed.store.gate(kind), bed.time.clone());
            gate.close();
            async move {
                gate.until_parked(1).await;
                tokenflight::Time::sleep(&time, slow).await;
                gate.open();
            }
        };
        let (lease, intent) = (delay(Claims), delay(Intend));
        let delays = async {
            lease.await;
            intent.await;
        };
        let (token, ()) = bed.time.run(join(bed.session.token(), delays));
        assert_eq!((token.is_ok(), bed.grant.count()), (goes_on, usize::from(goes_on)));
        assert!(bed.intent().is_none() && !bed.leased(), "given back in either case");
        if !goes_on {
            assert_eq!(bed.kinds(), [Claims, Intend, Settle]);
            bed.time.advance(secs(1));
            bed.token().expect("a quick store");
        }
    }
}

///
#[test]
fn an_unknown_outcome_keeps_the_intent_and_says_so() {
    for step in [Step::HangSent, Step::PanicSent, Step::Fail(GrantError::new(FailureClass::Ambiguous))] {
        let bed = Bed::new();
        let what = format!("{step:?}");
        bed.grant.push(step);
        assert_eq!(bed.token().expect_err("no answer").class(), Some(FailureClass::Ambiguous), "{what}");
        assert_eq!(bed.kinds(), [Claims, Intend, Settle], "{what}");
        assert!(bed.intent().is_some_and(|intent| intent.ambiguous), "{what}");
        assert!(!bed.leased(), "{what}");
    }
}

#[test]
fn an_outcome_that_left_the_refresh_token_alone_clears_the_intent() {
    let failures = [FailureClass::NotSent, FailureClass::Throttled, FailureClass::Config];
    let steps = failures.map(|class| Step::Fail(GrantError::new(class)));
    for step in steps.into_iter().chain([Step::HangUnsent, Step::PanicUnsent]) {
        let bed = Bed::new();
        let what = format!("{step:?}");
        bed.grant.push(step);
        bed.token().expect_err("no token");
        assert_eq!((bed.kinds(), bed.intent()), (vec![Claims, Intend, Settle], None), "{what}");
        assert!(!bed.leased(), "{what}");
    }
}

/// The doubt that an earlier attempt has left is not settled by one that never got through.
#[test]
fn an_attempt_that_comes_to_nothing_does_not_clear_an_earlier_doubt() {
    let bed = Bed::new();
    bed.grant.push(Step::Fail(GrantError::new(FailureClass::Ambiguous)));
    bed.grant.push(Step::Fail(GrantError::new(FailureClass::NotSent)));
    bed.token().expect_err("ambiguous");
    bed.time.advance(secs(2));
    assert_eq!(bed.token().expect_err("not sent").class(), Some(FailureClass::NotSent));
    assert!(bed.intent().is_some_and(|intent| intent.ambiguous));
    bed.time.advance(secs(4));
    bed.token().expect("a token");
    assert!(bed.intent().is_none());
}

///
#[test]
fn a_confirmed_end_is_one_conditional_write() {
    let bed = Bed::new();
    bed.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    assert!(bed.token().expect_err("over").is_ended());
    assert_eq!(bed.kinds(), [Claims, Intend, End]);
    assert!(matches!(bed.record().state, RecordState::Ended { .. }));
    assert!(bed.intent().is_none() && !bed.leased());
}

/// R-512, C-38: the lease has run out and was taken; the successor is the only valid one all the same.
#[test]
fn a_late_holder_may_still_store_the_successor_of_what_is_stored() {
    let bed = Bed::new();
    bed.grant.gate().close();
    let thief = async {
        bed.grant.gate().until_parked(1).await;
        // The holder was paused for longer than its lease; nobody has presented anything meanwhile.
        bed.time.suspend(secs(80));
        let claim = Claim::new(Owner::new(9), secs(75), bed.time.now());
        assert!(matches!(bed.model.lease(&key(), claim).await, Ok(Lease::Granted(_))));
        bed.grant.gate().open();
    };
    let (token, ()) = bed.time.run(join(bed.session.token(), thief));
    token.expect("what is finished counts, however late it is noticed");
    let refresh = bed.record().tokens().and_then(|tokens| tokens.refresh.clone()).expect("a refresh token");
    assert_eq!(refresh.expose(), "refresh-1");
    assert_eq!(bed.model.lease_owner(&key()), Some(Owner::new(9)), "R-514: nobody releases what is another's");
}

/// another successor is stored; ours is dropped and theirs adopted.
#[test]
fn a_commit_over_another_successor_is_refused_and_the_other_one_adopted() {
    let bed = Bed::new();
    let gate = bed.store.gate(Commit);
    gate.close();
    let fork = async {
        gate.until_parked(1).await;
        bed.put(RecordState::Active(bed.stored("fork")), 3);
        gate.open();
    };
    let (token, ()) = bed.time.run(join(bed.session.token(), fork));
    assert_eq!(token.expect("adopted").access().expose(), "access-fork");
    assert_eq!(bed.kinds(), [Claims, Intend, Commit, Settle]);
    bed.time.advance(LIFE);
    bed.token().expect("a token");
    let presented: Vec<_> = bed.grant.presented().iter().map(|token| token.expose().to_owned()).collect();
    assert_eq!(presented, ["refresh-0", "refresh-fork"]);
}
