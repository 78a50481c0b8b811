//! What is not stored comes before anything else.

use tokenflight_core::store::apply;

use crate::tables::*;

/// Logged in, and not stored yet.
fn unsaved() -> Session {
    let mut machine = machine(Policy::default());
    login(&mut machine, Some(HOUR), at(0));
    machine
}

#[test]
fn a_caller_without_a_token_stores_before_it_refreshes() {
    let ask: [fn(&mut Session) -> Decision; 4] = [
        |machine| machine.usable(None, at(3600)),
        |machine| machine.lasting(HOUR, None, at(3600)),
        |machine| machine.force(at(3600)),
        |machine| machine.refused(refusal(machine), at(3600)),
    ];
    for ask in ask {
        let mut machine = unsaved();
        let write = writing(ask(&mut machine));
        assert_eq!(machine.running(Work::Write), Some(write));
        assert!(matches!(ask(&mut machine), Decision::Join { work: Work::Write, overdue: false }));
        assert!(machine.tick(at(3600)).refresh.is_none());
        assert!(matches!(write_to(&mut machine, write, None, at(3601)), Settled::Stored(revoke) if revoke.is_empty()));
        assert_eq!(machine.running(Work::Write), None);
        started(ask(&mut machine));
    }
}

#[test]
fn a_caller_with_a_usable_token_keeps_it_moving_beside() {
    let mut machine = unsaved();
    let Decision::Use { beside: Some(Beside::Write(write)) } = machine.usable(None, at(1)) else { panic!("a write") };
    assert!(matches!(machine.usable(None, at(1)), Decision::Use { beside: Some(Beside::Join(Work::Write)) }));
    not_written(&mut machine, write, StoreErrorKind::NotDone, at(1));
    assert!(just_use(&machine.usable(None, at(1))), "its waiting time is kept");
    assert!(matches!(machine.usable(None, at(2)), Decision::Use { beside: Some(Beside::Write(_)) }));
}

/// A store that hangs must not take the token from origins that never refused it.
#[test]
fn a_caller_whose_origin_has_not_refused_the_token_waits_for_no_write() {
    let mut machine = unsaved();
    writing(machine.refused(refusal(&machine), at(60)));
    for origin in [None, Some(OTHER)] {
        let decision = machine.usable(origin, at(60));
        assert!(matches!(decision, Decision::Use { beside: Some(Beside::Join(Work::Write)) }), "{decision:?}");
    }
}

#[test]
fn a_rotation_that_could_not_be_stored_is_in_use_and_comes_first() {
    let mut machine = session();
    let plan = started(machine.force(at(100)));
    machine.finish(&plan, obtained_unsaved(&plan, Some(HOUR)), at(100), 0);
    assert!(machine.has_unsaved() && machine.has_usable(None, at(100)));
    assert!(uses(&machine.usable(None, at(100))));
    // Its first attempt has failed already.
    assert!(machine.clone().tick(at(100)).write.is_none());
    let write = machine.tick(at(101)).write.expect("another attempt");
    let entry = machine.known().map(|known| Entry::clone(known));
    assert!(
        matches!(write_to(&mut machine, write, entry.as_ref(), at(101)), Settled::Stored(revoke) if revoke.is_empty())
    );
    assert_eq!(machine.known().map(|known| known.rotation), entry.map(|entry| entry.rotation + 1));
    assert!(!machine.has_unsaved());
}

#[test]
fn what_could_not_be_stored_is_tried_again_soon_and_at_least_every_five_seconds() {
    for kind in [StoreErrorKind::NotDone, StoreErrorKind::Unknown, StoreErrorKind::Refused] {
        let (mut machine, mut now) = (unsaved(), at(0));
        for longest in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            let write = machine.tick(now).write.expect("an attempt");
            assert!(matches!(not_written(&mut machine, write, kind, now), Settled::Failed(..)));
            let next = machine.tick(now).next.expect("another attempt");
            let short = millis(longest).abs_diff(next - now.boot);
            assert!(short < millis(1), "{longest} ms: {:?}", next - now.boot);
            assert!(uses(&machine.usable(None, now)), "the login is in use all the while");
            now = moment(next);
        }
        store(&mut machine, now);
        assert!(!machine.has_unsaved());
        assert!(machine.tick(now).write.is_none());
    }
}

#[test]
fn a_caller_that_waited_for_it_hears_of_the_failure_until_the_next_attempt() {
    let mut machine = unsaved();
    let write = writing(machine.usable(None, at(3600)));
    let events = told(&mut machine, |machine| not_written(machine, write, StoreErrorKind::NotDone, at(3600)));
    assert_eq!(names(&events), ["failed", "unpersisted"]);
    assert_eq!(refused_with(machine.usable(None, at(3600))), ErrorKind::Store);
    assert_eq!(refused_with(machine.force(at(3600))), ErrorKind::Store);
    let tick = machine.tick(at(3600));
    assert!(tick.refresh.is_none() && tick.write.is_none(), "not even a driver refreshes meanwhile");
    let write = writing(machine.usable(None, at(3601)));
    write_to(&mut machine, write, None, at(3601));
    // It is no failure of the authorization server: nothing is to be waited for.
    started(machine.usable(None, at(3601)));
}

#[test]
fn a_failed_write_that_no_caller_waits_for_is_no_failed_refresh() {
    let mut machine = unsaved();
    let write = machine.tick(at(0)).write.expect("an attempt");
    assert_eq!(machine.tick(at(0)).write, None, "it is in progress");
    let events = told(&mut machine, |machine| not_written(machine, write, StoreErrorKind::NotDone, at(0)));
    assert_eq!(names(&events), ["unpersisted"]);
}

#[test]
fn a_flush_waits_for_no_backoff_and_joins_what_is_in_progress() {
    let mut machine = unsaved();
    let write = machine.flush().expect("a write");
    assert_eq!(machine.flush(), Some(write));
    not_written(&mut machine, write, StoreErrorKind::NotDone, at(0));
    assert_eq!(machine.flush(), Some(write));
    write_to(&mut machine, write, None, at(0));
    assert_eq!(machine.flush(), None);
}

#[test]
fn what_has_been_replaced_is_not_stored_by_its_own_late_answer() {
    let mut machine = unsaved();
    let late = machine.flush().expect("a write");
    login(&mut machine, Some(HOUR), at(1));
    assert!(machine.pending(late).is_none() && machine.running(Work::Write).is_none());
    let entry = committed(None, None, at(0));
    let answer = Reply::Stored { entry, replaced: None };
    assert!(matches!(machine.written(late, Ok(answer), at(2), ALL), Settled::Stale));
    assert!(machine.has_unsaved() && machine.known().is_none());
    let current = machine.flush().expect("a write");
    assert!(matches!(machine.written(late, Ok(Reply::Nothing), at(2), ALL), Settled::Stale));
    assert_eq!(machine.running(Work::Write), Some(current), "the late answer is not the current write's");
}

#[test]
fn another_login_that_came_first_counts_and_is_read_next() {
    let mut machine = session();
    let known = machine.known().cloned();
    login(&mut machine, Some(HOUR), at(10));
    let (write, ours) = (machine.flush().expect("a write"), machine.login_id());
    machine.settle(write, known.as_deref().map(seen).as_ref());
    let theirs = reset(known.as_deref(), Some(tokens(at(10).wall, Some(HOUR))), at(10));
    assert!(
        matches!(write_to(&mut machine, write, Some(&theirs), at(11)), Settled::Overtaken(revoke) if revoke.is_empty())
    );
    assert!(machine.is_unloaded() && !machine.knows_login(), "whose it is has not been read");
    assert!(machine.login_id() > ours && !machine.has_unsaved());
    started(machine.usable(None, at(11)));
}

#[test]
fn a_logout_elsewhere_that_came_first_counts_and_our_refresh_token_is_revoked() {
    let mut machine = session();
    let known = machine.known().cloned();
    let mine = tokens(at(10).wall, Some(HOUR));
    machine.login(Some(9), Times::new(at(10), None), mine.clone(), at(10), 0);
    let (write, ours) = (machine.flush().expect("a write"), machine.login_id());
    machine.settle(write, known.as_deref().map(seen).as_ref());
    let theirs = reset(known.as_deref(), None, at(10));
    let Settled::Overtaken(revoke) = write_to(&mut machine, write, Some(&theirs), at(11)) else {
        panic!("a refresh token to revoke")
    };
    assert_eq!(revoke, [refresh_token(&mine).clone()]);
    assert_eq!(refused_with(machine.usable(None, at(11))), ErrorKind::LoggedOut);
    assert!(machine.login_id() > ours, "no request goes on with it");
    assert_eq!(machine.known().map(|known| &**known), Some(&theirs));
}

#[test]
fn our_logout_stays_one_here_whatever_came_first() {
    let mut machine = session();
    let known = machine.known().cloned();
    machine.logout(at(10));
    let write = machine.flush().expect("a write");
    machine.settle(write, known.as_deref().map(seen).as_ref());
    let theirs = reset(known.as_deref(), Some(tokens(at(10).wall, Some(HOUR))), at(10));
    let Settled::Overtaken(revoke) = write_to(&mut machine, write, Some(&theirs), at(11)) else { panic!("overtaken") };
    assert_eq!(revoke, [refresh_token(known.as_deref().and_then(Entry::tokens).expect("tokens")).clone()]);
    assert!(machine.is_logged_out());
    assert_eq!(refused_with(machine.usable(None, at(11))), ErrorKind::LoggedOut);
}

#[test]
fn a_rotation_that_another_one_of_the_same_login_has_overtaken_leaves_ours_in_use() {
    let mut machine = session();
    let known = machine.known().cloned();
    let plan = started(machine.force(at(100)));
    machine.finish(&plan, obtained_unsaved(&plan, Some(HOUR)), at(100), 0);
    let (write, login) = (machine.flush().expect("a write"), machine.login_id());
    let theirs = committed(known.as_deref(), Some(HOUR), at(99));
    assert!(
        matches!(write_to(&mut machine, write, Some(&theirs), at(101)), Settled::Overtaken(revoke) if revoke.is_empty())
    );
    assert!(uses(&machine.usable(Some(API), at(101))) && machine.login_id() == login);
    // The next refresh reads the store with what was seen before, and so adopts the other one.
    assert_eq!(started(machine.force(at(200))).known, known);
}

#[test]
fn a_logout_that_is_stored_names_the_refresh_token_that_it_replaced() {
    let mut machine = session();
    let known = machine.known().cloned();
    let rotated = committed(known.as_deref(), Some(HOUR), at(5));
    machine.logout(at(10));
    let write = machine.flush().expect("a write");
    machine.settle(write, Some(&seen(&rotated)));
    let Settled::Stored(revoke) = write_to(&mut machine, write, Some(&rotated), at(11)) else {
        panic!("a refresh token to revoke")
    };
    assert_eq!(
        revoke,
        [refresh_token(rotated.tokens().expect("tokens")).clone()],
        "it is what the known one has become"
    );
}

/// What the store does not tell of: a login that was never stored, and what another login of this
/// session has replaced.
#[test]
fn a_logout_over_a_login_that_may_be_stored_revokes_both() {
    let mut machine = session();
    let known = machine.known().cloned().expect("an entry");
    let next = tokens(at(1).wall, None);
    machine.login(Some(2), Times::new(at(1), None), next.clone(), at(1), 0);
    machine.logout(at(2));
    let write = machine.flush().expect("a write");
    machine.settle(write, Some(&seen(&known)));
    let Settled::Stored(revoke) = write_to(&mut machine, write, Some(&known), at(3)) else { panic!("stored") };
    let old = refresh_token(known.tokens().expect("tokens"));
    assert_eq!(revoke, [refresh_token(&next).clone(), old.clone()]);
}

/// A logout that the store does not take revokes what is known, once; and a login in its place goes
/// on with the rest.
#[test]
fn what_a_logout_has_made_useless_is_revoked_also_if_it_is_not_stored() {
    let mut machine = session();
    let known = machine.known().cloned().expect("an entry");
    let old = refresh_token(known.tokens().expect("tokens")).clone();
    machine.logout(at(2));
    for expected in [vec![old.clone()], vec![]] {
        let write = machine.flush().expect("a write");
        let Settled::Failed(_, revoke) = not_written(&mut machine, write, StoreErrorKind::NotDone, at(3)) else {
            panic!("not stored")
        };
        assert_eq!(revoke, expected);
    }
    let mut back = tokens(at(4).wall, None);
    back.refresh = Some(old);
    machine.login(Some(2), Times::new(at(4), None), back, at(4), 0);
    let write = machine.flush().expect("a write");
    machine.settle(write, Some(&seen(&known)));
    let settled = write_to(&mut machine, write, Some(&known), at(5));
    assert!(matches!(settled, Settled::Stored(revoke) if revoke.is_empty()), "the same token is in use again");
}

#[test]
fn a_login_in_the_place_of_a_logout_that_was_not_stored_revokes_what_that_would_have_revoked() {
    let mut machine = session();
    let old = refresh_token(machine.known().and_then(|known| known.tokens()).expect("tokens")).clone();
    machine.logout(at(2));
    login(&mut machine, None, at(3));
    let Settled::Stored(revoke) = store(&mut machine, at(4)) else { panic!("stored") };
    assert_eq!(revoke, [old]);
}

/// It was stored, and the answer was lost: what has taken its place is tried again at once.
#[test]
fn a_login_that_meets_the_one_before_of_its_own_session_goes_on_under_another_name() {
    let mut machine = session();
    let known = machine.known().cloned();
    login(&mut machine, Some(HOUR), at(10));
    let first = machine.flush().expect("a write");
    machine.settle(first, known.as_deref().map(seen).as_ref());
    let op = machine.pending(first).expect("a login").op(at(10));
    let (entry, _) = apply(known.as_deref(), &op, &Facts::in_process());
    not_written(&mut machine, first, StoreErrorKind::Unknown, at(10));
    login(&mut machine, Some(HOUR), at(11));
    let write = machine.flush().expect("a write");
    machine.settle(write, known.as_deref().map(seen).as_ref());
    let settled = write_to(&mut machine, write, entry.as_ref(), at(11));
    let Settled::Again(again) = settled else { panic!("another try, not {settled:?}") };
    assert_eq!((machine.running(Work::Write), machine.flush()), (Some(again), Some(again)));
    assert!(machine.has_unsaved() && again != write && machine.pending(write).is_none());
    assert!(matches!(write_to(&mut machine, again, entry.as_ref(), at(11)), Settled::Stored(_)));
    assert!(!machine.has_unsaved() && machine.running(Work::Write).is_none());
}

#[test]
fn a_session_that_goes_hands_over_what_it_owes() {
    let mut machine = unsaved();
    let pending = machine.take_pending().expect("a login");
    assert!(!pending.is_logout() && pending.is_unsettled() && pending.refresh_token().is_some());
    assert!(!machine.has_unsaved() && machine.take_pending().is_none());
    // What was told to be unsaved is told again when it is stored.
    let mut told = unsaved();
    let write = told.flush().expect("a write");
    not_written(&mut told, write, StoreErrorKind::NotDone, at(0));
    assert!(!pending.is_told() && told.take_pending().is_some_and(|pending| pending.is_told()));
}
