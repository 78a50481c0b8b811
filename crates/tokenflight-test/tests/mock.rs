//! The stand-ins.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Wake, Waker},
    time::Duration,
};

use futures_util::FutureExt;
use tokenflight_core::{
    FailureClass, Grant, GrantError, Now, RefreshToken, TokenSet,
    grant::{Reason, TokenRequest},
    store::{Body, ClockId, Facts, GrantKey, Op, Outcome, Owner, Reply, Store, StoreErrorKind},
};
use tokenflight_test::{
    ManualTime, MockGrant, MockStore, ModelStore,
    mock::{Fate, Gate, OpKind, Step, Trouble},
};

fn request(token: &str) -> TokenRequest {
    TokenRequest::new(Some(RefreshToken::new(token)), Reason::Due)
}

fn fates(grant: &MockGrant) -> Vec<Fate> {
    grant.calls().iter().map(|call| call.fate).collect()
}

#[test]
fn a_mock_grant_follows_its_script_and_then_counts_on() {
    let grant = MockGrant::new();
    grant.push(Ok(TokenSet::new("first")));
    grant.push(Step::SameAgain);
    grant.push(Err(GrantError::throttled(None)));
    let ask = |token| grant.request(&request(token)).now_or_never().unwrap();
    assert_eq!(ask("a").unwrap().access().expose(), "first");
    assert_eq!(ask("b").unwrap().access().expose(), "first");
    assert_eq!(ask("c").unwrap_err().class(), FailureClass::Throttled);
    assert_eq!(ask("d").unwrap().refresh().unwrap().expose(), "refresh-1");
    assert_eq!(ask("e").unwrap().access().expose(), "access-2");
    let presented: Vec<_> = grant.presented().iter().map(|token| token.expose().to_owned()).collect();
    assert_eq!(presented, ["a", "b", "c", "d", "e"]);
    assert!(!format!("{:?}", grant.calls()).contains("\"a\""));
}

#[test]
fn a_mock_grant_panics_and_hangs_on_either_side_of_the_send() {
    for (step, class) in [(Step::PanicUnsent, FailureClass::NotSent), (Step::PanicSent, FailureClass::Ambiguous)] {
        let (grant, request) = (MockGrant::new(), request("a"));
        grant.push(step);
        assert!(catch_unwind(AssertUnwindSafe(|| grant.request(&request).now_or_never())).is_err());
        assert_eq!((request.class_without_answer(), fates(&grant)), (class, vec![Fate::Panicked]));
    }
    for (step, class) in [(Step::HangUnsent, FailureClass::NotSent), (Step::HangSent, FailureClass::Ambiguous)] {
        let (grant, request) = (MockGrant::new(), request("a"));
        grant.push(step);
        assert!(grant.request(&request).now_or_never().is_none());
        assert_eq!((request.class_without_answer(), fates(&grant)), (class, vec![Fate::Dropped]));
    }
}

#[test]
fn calls_wait_at_the_gate_and_are_let_through_in_order() {
    let grant = MockGrant::new();
    grant.gate().close();
    let (a, b) = (request("a"), request("b"));
    let (mut first, mut second) = (grant.request(&a), grant.request(&b));
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    assert_eq!((grant.gate().parked(), fates(&grant)), (2, vec![Fate::Running; 2]));
    grant.gate().let_through(1);
    assert!((&mut second).now_or_never().is_none());
    assert!(first.now_or_never().is_some());
    drop(second);
    assert_eq!((grant.gate().parked(), fates(&grant)), (0, vec![Fate::Succeeded, Fate::Dropped]));
}

#[test]
fn a_permit_waits_for_the_call_and_an_open_gate_keeps_none() {
    let gate = Gate::new();
    gate.close();
    gate.let_through(1);
    assert!(gate.pass().now_or_never().is_some());
    let mut parked = gate.pass();
    assert!((&mut parked).now_or_never().is_none());
    gate.open();
    assert!(parked.now_or_never().is_some() && gate.pass().now_or_never().is_some());
}

#[test]
fn a_test_that_waits_for_calls_at_the_gate_is_woken_by_them() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let gate = Gate::new();
    gate.close();
    let mut parked = Box::pin(gate.until_parked(1));
    assert!(parked.as_mut().poll(&mut Context::from_waker(&Waker::from(count.clone()))).is_pending());
    let mut call = gate.pass();
    assert!((&mut call).now_or_never().is_none());
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert!(parked.now_or_never().is_some());
}

#[test]
fn polls_are_counted_and_yields_wake_their_own_call() {
    let grant = MockGrant::new();
    grant.set_yields(5);
    let request = request("a");
    ManualTime::new(0).run(grant.request(&request)).unwrap();
    assert_eq!((grant.count(), grant.polls()), (1, 6));
}

fn key() -> GrantKey {
    GrantKey::new("k")
}

fn op(body: Body) -> Op {
    Op::new(None, Now::new(Duration::ZERO, Duration::ZERO), body)
}

fn logout() -> Op {
    op(Body::Reset { base: None, tokens: None })
}

#[test]
fn the_troubles_of_a_store_come_before_or_after_the_effect() {
    for (trouble, done, fate) in [
        (Trouble::None, true, Fate::Succeeded),
        (Trouble::Fail, false, Fate::Failed),
        (Trouble::FailAfter, true, Fate::Failed),
        (Trouble::Unknown, false, Fate::Failed),
        (Trouble::Late, false, Fate::Failed),
        (Trouble::Zombie, false, Fate::Failed),
        (Trouble::Refuse, false, Fate::Failed),
        (Trouble::Panic, false, Fate::Panicked),
        (Trouble::PanicAfter, true, Fate::Panicked),
        (Trouble::Hang, false, Fate::Dropped),
        (Trouble::HangAfter, true, Fate::Dropped),
    ] {
        let model = ModelStore::new();
        let store = MockStore::before(model.clone());
        store.push(OpKind::Reset, trouble);
        let _ = catch_unwind(AssertUnwindSafe(|| store.apply(&key(), logout()).now_or_never()));
        assert_eq!((model.entry(&key()).is_some(), store.log()[0].fate), (done, fate), "{trouble:?}");
    }
}

#[test]
fn the_error_says_what_is_known_of_the_effect_and_what_the_try_was_computed_on() {
    for (trouble, kind) in [
        (Trouble::Fail, StoreErrorKind::NotDone),
        (Trouble::FailAfter, StoreErrorKind::Unknown),
        (Trouble::Unknown, StoreErrorKind::Unknown),
        (Trouble::Late, StoreErrorKind::Unknown),
        (Trouble::Zombie, StoreErrorKind::Unknown),
        (Trouble::Refuse, StoreErrorKind::Refused),
    ] {
        let store = MockStore::new();
        store.push(OpKind::Reset, Trouble::None);
        store.push(OpKind::Reset, trouble);
        let first = logout();
        let _ = store.apply(&key(), first.clone()).now_or_never().unwrap();
        let error = store.apply(&key(), logout()).now_or_never().unwrap().unwrap_err();
        let tried = (kind == StoreErrorKind::Unknown).then_some(first.id);
        assert_eq!((error.kind(), error.tried().map(|entry| entry.op)), (kind, tried), "{trouble:?}");
    }
}

#[test]
fn what_is_late_arrives_before_the_next_operation_and_a_zombie_when_it_is_let() {
    for (trouble, arrives) in [(Trouble::Late, true), (Trouble::Zombie, false)] {
        let model = ModelStore::new();
        let store = MockStore::before(model.clone());
        store.push(OpKind::Reset, trouble);
        let op = logout();
        assert!(store.apply(&key(), op.clone()).now_or_never().unwrap().is_err());
        assert_eq!(model.entry(&key()), None);
        let seen = store.load(&key()).now_or_never().unwrap().unwrap().entry;
        assert_eq!(seen.is_some(), arrives, "{trouble:?}");
        assert_eq!(store.let_arrive().now_or_never().unwrap().len(), usize::from(!arrives));
        assert_eq!(model.entry(&key()).map(|entry| entry.op), Some(op.id));
    }
}

#[test]
fn a_store_that_is_down_fails_and_a_gate_delays_the_effect() {
    let model = ModelStore::new();
    let store = MockStore::before(model.clone());
    let key = key();
    store.set_down(true);
    assert!(store.load(&key).now_or_never().unwrap().is_err());
    store.set_down(false);
    let gate = store.gate(OpKind::Reset);
    gate.close();
    let mut waiting = store.apply(&key, logout());
    assert!((&mut waiting).now_or_never().is_none() && model.entry(&key).is_none());
    gate.open();
    assert!(waiting.now_or_never().unwrap().is_ok() && model.entry(&key).is_some());
    let owner = Owner::new(7);
    let settle = op(Body::Settle { owner, outcome: Outcome::Untouched });
    assert_eq!(store.apply(&key, settle).now_or_never().unwrap().unwrap(), Reply::Nothing);
    assert_eq!(store.kinds(), [OpKind::Load, OpKind::Reset, OpKind::Settle]);
    assert_eq!((store.count(OpKind::Load), store.log()[2].owner), (1, Some(owner)));
}

#[test]
fn a_model_that_fails_over_loses_its_last_writes_and_begins_another_incarnation() {
    let (model, key) = (ModelStore::new(), key());
    let before = model.facts().incarnation;
    let ops = [logout(), logout(), logout()];
    for op in &ops {
        let _ = model.apply(&key, op.clone()).now_or_never().unwrap();
    }
    let incarnation = model.fail_over(2);
    assert_eq!(model.entry(&key).map(|entry| entry.op), Some(ops[0].id));
    assert_eq!((model.writes(), model.facts().incarnation), (1, Some(incarnation)));
    assert_ne!(before, Some(incarnation));
    model.fail_over(7);
    assert_eq!(model.entry(&key), None);
}

#[test]
fn the_lock_of_a_model_is_one_processs_at_a_time_and_gone_with_its_file() {
    let one = ModelStore::new();
    let two = one.another_process();
    assert!(one.try_lock() && one.try_lock() && !two.try_lock());
    assert!(one.facts().lock.is_some() && two.facts().lock.is_none());
    let old = one.facts().lock;
    two.unlock();
    assert!(!two.try_lock(), "the lock is not this process' to give back");
    one.replace_lock();
    assert!(one.facts().lock.is_none() && two.try_lock());
    assert_ne!(two.facts().lock, old);
    two.unlock();
    assert!(one.try_lock());
}

#[test]
fn a_model_has_the_clock_it_is_given() {
    let (store, clock) = (ModelStore::new(), ManualTime::new(0));
    assert_eq!(store.facts(), Facts::in_process());
    let id = ClockId::new(5);
    store.set_clock(id, clock.shared());
    let then = clock.now().wall;
    assert_eq!(store.facts(), Facts::at(id, then, true));
    clock.advance(Duration::from_secs(9));
    store.set_trusted(false);
    assert_eq!(store.facts(), Facts::at(id, then + Duration::from_secs(9), false));
    assert!(store.another_process().facts() == store.facts());
    store.set_facts(Facts::none());
    assert_eq!(store.facts(), Facts::none());
}
