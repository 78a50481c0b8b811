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
};

use futures_util::FutureExt;
use tokenflight_core::{
    FailureClass, Grant, GrantError, RefreshToken, Store, TokenSet,
    grant::{Reason, TokenRequest},
    lease::{GrantKey, Owner},
};
use tokenflight_test::{
    MockGrant, MockStore, ModelStore,
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
fn a_permit_waits_for_the_call_and_an_open_gate_keeps_nobody() {
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
fn who_waits_for_calls_at_the_gate_is_woken_by_them() {
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
    tokenflight_test::ManualTime::new(0).run(grant.request(&request)).unwrap();
    assert_eq!((grant.count(), grant.polls()), (1, 6));
}

#[test]
fn the_troubles_of_a_store_come_before_or_after_the_effect() {
    let key = GrantKey::new("k");
    let reset = tokenflight_core::lease::Reset::new(Default::default(), Default::default(), None);
    for (trouble, done, fate) in [
        (Trouble::None, true, Fate::Succeeded),
        (Trouble::Fail, false, Fate::Failed),
        (Trouble::FailAfter, true, Fate::Failed),
        (Trouble::Panic, false, Fate::Panicked),
        (Trouble::PanicAfter, true, Fate::Panicked),
        (Trouble::Hang, false, Fate::Dropped),
        (Trouble::HangAfter, true, Fate::Dropped),
    ] {
        let model = ModelStore::new();
        let store = MockStore::before(model.clone());
        store.push(OpKind::Reset, trouble);
        let _ = catch_unwind(AssertUnwindSafe(|| store.reset(&key, reset.clone()).now_or_never()));
        assert_eq!((model.record(&key).is_some(), store.log()[0].fate), (done, fate), "{trouble:?}");
    }
}

#[test]
fn a_store_that_is_down_fails_and_a_gate_delays_the_effect() {
    let (model, key) = (ModelStore::new(), GrantKey::new("k"));
    let store = MockStore::before(model.clone());
    store.set_down(true);
    assert!(store.load(&key).now_or_never().unwrap().is_err());
    store.set_down(false);
    let gate = store.gate(OpKind::Reset);
    gate.close();
    let reset = tokenflight_core::lease::Reset::new(Default::default(), Default::default(), None);
    let mut waiting = store.reset(&key, reset);
    assert!((&mut waiting).now_or_never().is_none() && model.record(&key).is_none());
    gate.open();
    assert!(waiting.now_or_never().unwrap().is_ok() && model.record(&key).is_some());
    assert!(!store.intend(&key, Owner::new(7)).now_or_never().unwrap().unwrap());
    assert_eq!(store.kinds(), [OpKind::Load, OpKind::Reset, OpKind::Intend]);
    assert_eq!((store.count(OpKind::Load), store.log()[2].owner), (1, Some(Owner::new(7))));
}
