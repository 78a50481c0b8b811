//! What the store's answers mean for something that must be stored.

use tokenflight_core::store::{Body, Op, Seen, apply};
use tokenflight_machine::{Answered, Failure, Pending};

use crate::tables::*;

/// A login (or logout) of a session that has last seen this entry.
fn pending(known: Option<&Entry>, login: bool) -> Pending {
    let mut machine: Session = machine(Policy::default());
    if known.is_some() {
        let plan = started(machine.usable(None, at(0)));
        let outcome = Outcome::Found { entry: known.cloned().map(Into::into), token: None };
        machine.finish(&plan, outcome, at(0), 0);
    }
    match login {
        true => machine.login(Some(1), Times::new(at(1), None), tokens(at(1).wall, None), at(1), 0),
        false => machine.logout(at(1)),
    }
    machine.take_pending().expect("something to be stored")
}

fn base(pending: &Pending) -> Option<OpId> {
    match pending.op(at(1)).body {
        Body::Reset { base, .. } => base,
        other => panic!("no login or logout: {other:?}"),
    }
}

fn put(pending: &mut Pending, entry: Option<&Entry>, now: Now) -> Answered {
    pending.answer(Ok(apply(entry, &pending.op(now), &Facts::in_process()).1), now)
}

#[test]
fn a_login_replaces_the_login_that_the_first_read_for_it_found() {
    let mut login = pending(None, true);
    assert!(login.is_unsettled());
    let (first, later) = (reset(None, None, at(0)), reset(None, None, at(0)));
    let mut facts = Facts::none();
    facts.incarnation = Some(Incarnation::new(7));
    login.settle(Some(&Seen::new(Some(first.clone()), facts)));
    login.settle(Some(&seen(&later)));
    assert_eq!(
        (base(&login), login.op(at(9)).born, login.is_unsettled()),
        (Some(first.login), facts.incarnation, false)
    );
    assert_eq!(login.op(at(9)).asked, at(9));
    assert_eq!(login.known().map(AsRef::as_ref), Some(&first), "what the storage may have lost when it is tried again");
}

/// What has come into the store since is none of what it replaces.
#[test]
fn what_is_read_for_a_login_is_recent_for_as_long_as_reading_may_take() {
    let login = pending(None, true);
    for (second, recent) in [(0, true), (1, true), (11, true), (12, false)] {
        assert_eq!(login.is_recent(at(second), secs(10)), recent, "{second}");
    }
}

/// The refresh has met another process's login, and its own successor is not stored yet: that login
/// is the one to be replaced.
#[test]
fn a_logout_replaces_the_login_that_an_unsaved_rotation_belongs_to() {
    let mut machine = session();
    let elsewhere = reset(machine.known().map(AsRef::as_ref), Some(tokens(at(10).wall, None)), at(10));
    let mut plan = started(machine.usable(None, at(3600)));
    plan.known = Some(elsewhere.clone().into());
    let op = commit(Some(&elsewhere), None, at(3600));
    let saved = Saved::Unsaved { op, error: Error::new(ErrorKind::Store) };
    machine.finish(&plan, answered(&plan, Times::new(at(3600), None), saved), at(3600), 0);
    machine.logout(at(3601));
    let mut logout = machine.take_pending().expect("a logout");
    logout.settle(None);
    assert_eq!(base(&logout), Some(elsewhere.login));
}

#[test]
fn if_nothing_could_be_read_it_replaces_the_login_that_was_last_seen_or_any() {
    let seen = reset(None, None, at(0));
    for login in [true, false] {
        let mut known = pending(Some(&seen), login);
        known.settle(None);
        assert_eq!(base(&known), Some(seen.login));
        let mut unknown = pending(None, login);
        unknown.settle(None);
        assert_eq!((base(&unknown), unknown.is_logout()), (None, !login));
    }
}

#[test]
fn a_rotation_is_settled_from_the_beginning() {
    let op = commit(None, None, at(0));
    let claimed = Arc::new(reset(None, None, at(0)));
    let mut rotation = Pending::tried(op.clone(), Some(Arc::clone(&claimed)));
    rotation.settle(Some(&seen(&reset(None, None, at(0)))));
    assert_eq!(rotation.known(), Some(&claimed));
    assert_eq!((rotation.op(at(1)).id, rotation.op(at(1)).born), (op.id, None));
    assert!(!rotation.is_unsettled() && !rotation.is_logout() && rotation.refresh_token().is_some());
}

/// It may have had its effect: the same operation is tried until the store says what became of it.
#[test]
fn an_unknown_outcome_is_settled_by_the_same_operation() {
    let before = committed(None, None, at(0));
    let mut logout = pending(Some(&before), false);
    logout.settle(Some(&seen(&before)));
    let (id, op) = (logout.id(), logout.op(at(1)));
    let Reply::Stored { entry, .. } = apply(Some(&before), &op, &Facts::in_process()).1 else { panic!("stored") };
    let failure = Failure { tried: Some(Box::new(before.clone())), ..unsaved(StoreErrorKind::Unknown) };
    assert!(matches!(logout.answer(Err(failure), at(2)), Answered::Failed(_)));
    assert!(matches!(logout.answer(Err(unsaved(StoreErrorKind::NotDone)), at(3)), Answered::Failed(_)));
    assert_eq!((logout.id(), logout.op(at(4)).id), (id, op.id));
    assert_eq!(logout.op(at(4)).tried.as_deref(), Some(&before), "kept over a try that says nothing");
    // It was stored by the first try; what it replaced is known from the entry it was computed on.
    let Answered::Stored { entry: stored, revoke } = put(&mut logout, Some(&entry), at(4)) else { panic!("stored") };
    assert_eq!((stored, revoke), (entry, vec![refresh_token(before.tokens().expect("tokens")).clone()]));
}

#[test]
fn a_login_revokes_nothing_of_what_it_replaces() {
    let before = committed(None, None, at(0));
    let mut login = pending(Some(&before), true);
    login.settle(Some(&seen(&before)));
    assert!(matches!(put(&mut login, Some(&before), at(1)), Answered::Stored { revoke, .. } if revoke.is_empty()));
}

/// Another one has taken its place by then, and only this answer tells what was replaced.
#[test]
fn what_a_logout_has_replaced_is_useless_although_its_answer_comes_late() {
    let before = committed(None, None, at(0));
    let old = refresh_token(before.tokens().expect("tokens")).clone();
    for (login, useless) in [(false, vec![old]), (true, vec![])] {
        let mut write = pending(Some(&before), login);
        write.settle(Some(&seen(&before)));
        let answer = Ok(apply(Some(&before), &write.op(at(1)), &Facts::in_process()).1);
        assert_eq!(write.ended(&answer), useless);
        assert!(write.ended(&Ok(Reply::Overtaken(before.clone()))).is_empty());
        assert!(write.ended(&Err(unsaved(StoreErrorKind::Unknown))).is_empty());
    }
}

/// A login whose outcome is unknown, then a logout: the login may be stored, and is not another's.
#[test]
fn an_earlier_login_of_the_same_session_is_no_obstacle() {
    let before = committed(None, None, at(0));
    let mut machine: Session = machine(Policy::default());
    let mut stored = Some(before.clone());
    for second in 1..4 {
        machine.login(Some(1), Times::new(at(second), None), tokens(at(second).wall, None), at(second), 0);
        let write = machine.flush().expect("a write");
        machine.settle(write, Some(&seen(&before)));
        let op = machine.pending(write).expect("a login").op(at(second));
        if second == 2 {
            // This one is stored, and the answer is lost.
            stored = apply(stored.as_ref(), &op, &Facts::in_process()).0;
        }
        not_written(&mut machine, write, StoreErrorKind::Unknown, at(second));
    }
    machine.logout(at(5));
    let mut logout = machine.take_pending().expect("a logout");
    logout.settle(Some(&seen(&before)));
    let name = logout.id();
    assert!(matches!(put(&mut logout, stored.as_ref(), at(5)), Answered::Again));
    // Under a name of its own: the first one may be on its way with another base.
    assert!(logout.id() != name && base(&logout) == stored.as_ref().map(|entry| entry.login));
    assert!(logout.is_logout() && !logout.is_unsettled());
    assert!(matches!(put(&mut logout, stored.as_ref(), at(6)), Answered::Stored { .. }));
}

#[test]
fn its_own_first_try_that_arrives_late_is_no_obstacle_either() {
    for logout in [true, false] {
        late_first_try(logout);
    }
}

fn late_first_try(logout: bool) {
    let before = committed(None, None, at(0));
    let mut machine: Session = machine(Policy::default());
    machine.login(Some(1), Times::new(at(1), None), tokens(at(1).wall, None), at(1), 0);
    let write = machine.flush().expect("a write");
    machine.settle(write, Some(&seen(&before)));
    let login = machine.pending(write).expect("a login").op(at(1));
    match logout {
        true => machine.logout(at(2)),
        false => machine.login(Some(2), Times::new(at(2), None), tokens(at(2).wall, None), at(2), 0),
    }
    let mut next = machine.take_pending().expect("another login, or a logout");
    next.settle(Some(&seen(&before)));
    let (first, brings) = (next.op(at(2)), next.refresh_token().cloned());
    let entry = apply(Some(&before), &login, &Facts::in_process()).0;
    assert!(matches!(put(&mut next, entry.as_ref(), at(2)), Answered::Again));
    // Its first try had the right base at its own time.
    let late = apply(Some(&before), &first, &Facts::in_process()).0;
    assert!(matches!(put(&mut next, late.as_ref(), at(3)), Answered::Again));
    assert_eq!((next.is_logout(), next.refresh_token()), (logout, brings.as_ref()), "it is the same all the while");
    assert!(matches!(put(&mut next, late.as_ref(), at(3)), Answered::Stored { .. }));
}

#[test]
fn another_processs_login_or_successor_counts_instead() {
    let before = committed(None, None, at(0));
    let other = reset(Some(&before), None, at(1));
    let mut login = pending(Some(&before), true);
    login.settle(Some(&seen(&before)));
    assert!(matches!(put(&mut login, Some(&other), at(2)), Answered::Overtaken { entry, .. } if entry == other));
    let mut rotation = Pending::tried(commit(Some(&before), None, at(1)), None);
    let successor = committed(Some(&before), None, at(1));
    assert!(
        matches!(put(&mut rotation, Some(&successor), at(2)), Answered::Overtaken { entry, .. } if entry == successor)
    );
}

/// The store shows the login that came after it. Another login alone makes nothing useless.
#[test]
fn what_was_to_be_stored_is_revoked_if_there_was_a_logout_although_a_login_has_followed() {
    let elsewhere = |entry, login: bool| reset(Some(entry), login.then(|| tokens(at(1).wall, None)), at(1));
    let before = reset(None, Some(tokens(at(0).wall, None)), at(0));
    let (login, logout) = (elsewhere(&before, true), elsewhere(&before, false));
    for (counts, revoked) in [(&login, false), (&logout, true), (&elsewhere(&logout, true), true)] {
        let rotation = Pending::tried(commit(Some(&before), None, at(1)), None);
        let mut ours = pending(Some(&before), true);
        ours.settle(Some(&seen(&before)));
        for mut write in [rotation, ours] {
            let token = write.refresh_token().cloned();
            let Answered::Overtaken { revoke, .. } = put(&mut write, Some(counts), at(2)) else { panic!("overtaken") };
            assert_eq!(revoke, Vec::from_iter(token.filter(|_| revoked)), "{:?}", counts.state);
        }
    }
}

#[test]
fn an_answer_that_does_not_fit_is_a_failure_of_the_store() {
    let entry = committed(None, None, at(0));
    let busy = Reply::Busy { retry_after: None, holder: None };
    for reply in [Reply::Granted(entry.clone()), Reply::Changed(entry), busy, Reply::Nothing] {
        let Answered::Failed(error) = pending(None, true).answer(Ok(reply), at(1)) else { panic!("a failure") };
        assert_eq!(*error.kind(), ErrorKind::Store);
    }
}

#[test]
fn only_what_brings_tokens_has_a_refresh_token_to_lose() {
    assert!(pending(None, true).refresh_token().is_some() && pending(None, false).refresh_token().is_none());
    let again = Op::new(None, at(0), Body::Again { record: Box::default() });
    assert!(Pending::tried(again, None).refresh_token().is_none());
}
