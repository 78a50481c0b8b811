//! Login, logout, end, reload, close.

use tokenflight_core::{Epoch, Error, ErrorKind, Event, Generation, grant::Reason};
use tokenflight_machine::{Beside, Decision, Landing, Login, Machine, Policy, Publish};

use crate::support::{
    HOUR, at, ended, found, just_use, logged_in, machine, obtained, refusal, refused_with, secs, started, store,
};

fn session() -> Machine {
    logged_in(Policy::default(), Some(HOUR))
}

fn is_ended(decision: Decision) -> bool {
    matches!(refused_with(decision), ErrorKind::Ended(_))
}

///
#[test]
fn an_end_is_sticky_free_and_told_once() {
    let mut machine = session();
    let plan = started(machine.usable(at(3600)));
    let verdict = machine.land(&plan, &ended(plan.epoch), at(3600), 0);
    assert_eq!(verdict.publish, Publish::Gone);
    assert!(matches!(&verdict.events[..], [Event::Ended { reason, .. }] if reason.code() == "invalid_grant"));
    for second in [3600, 3601, 100_000, 1_000_000_000] {
        let refused = refusal(&machine);
        assert!(is_ended(machine.usable(at(second))));
        assert!(is_ended(machine.refused(refused, at(second))));
        assert!(is_ended(machine.force(at(second))));
        let tick = machine.tick(at(second));
        assert_eq!((tick.start, tick.next), (None, None), "nothing is left to do");
    }
}

///
#[test]
fn an_end_is_not_told_again_by_a_flight_that_finds_it_too() {
    let mut machine = session();
    machine.logout();
    // The logout is not stored yet; the flight that stores it finds the session ended elsewhere.
    let plan = machine.tick(at(10)).start.expect("an attempt to store");
    let verdict = machine.land(&plan, &ended(plan.epoch.next()), at(10), 0);
    assert!(verdict.events.is_empty());
}

///
#[test]
fn only_a_login_or_another_look_into_the_store_lifts_an_end() {
    let mut machine = session();
    let plan = started(machine.usable(at(3600)));
    machine.land(&plan, &ended(plan.epoch), at(3600), 0);
    let mut other = machine.clone();
    machine.login(Login::new(Some(HOUR)), at(3601), 0);
    assert!(just_use(&machine.usable(at(3601))));
    // Another process has logged in, and this one is told to look.
    other.reload();
    let plan = started(other.usable(at(3601)));
    assert_eq!(plan.reason, Reason::Load);
    let found = found(plan.epoch.next(), plan.generation.next(), at(3600), Some(HOUR));
    other.land(&plan, &Landing::Found(found), at(3602), 0);
    assert!(just_use(&other.usable(at(3602))));
}

/// I-06
#[test]
fn a_logout_is_not_undone_by_anything_of_its_own_epoch() {
    let mut machine = session();
    let late = started(machine.force(at(100)));
    machine.logout();
    assert_eq!(machine.land(&late, &obtained(&late, Some(HOUR)), at(101), 0).publish, Publish::Stale);
    assert_eq!(refused_with(machine.usable(at(101))), ErrorKind::LoggedOut);
    // The flight that stores the logout brings no token either, unless somebody has logged in elsewhere.
    let store = machine.tick(at(102)).start.expect("the logout is to be stored");
    assert_eq!(store.reason, Reason::Persist);
    let old = Landing::Found(found(store.epoch, store.generation.next(), at(0), Some(HOUR)));
    let verdict = machine.clone().land(&store, &old, at(103), 0);
    assert!((verdict.publish, verdict.events.len()) == (Publish::Keep, 0), "{verdict:?}");
    machine.land(&store, &old, at(103), 0);
    assert_eq!(refused_with(machine.usable(at(103))), ErrorKind::LoggedOut);
}

/// C-22, C-23
#[test]
fn a_login_during_a_flight_keeps_its_own_token_and_the_flights_result_is_dropped() {
    let mut machine = session();
    let late = started(machine.force(at(100)));
    machine.logout();
    machine.login(Login::new(Some(HOUR)), at(101), 0);
    let (epoch, generation) = (machine.epoch(), machine.generation());
    let verdict = machine.land(&late, &obtained(&late, Some(secs(1))), at(102), 0);
    assert_eq!(verdict.publish, Publish::Stale);
    assert_eq!((machine.epoch(), machine.generation()), (epoch, generation));
    assert!(machine.has_usable(at(200)));
}

/// C-55
#[test]
fn the_driver_and_the_user_at_the_same_instant_make_one_flight() {
    let mut machine = session();
    let plan = machine.tick(at(3000)).start.expect("renewal is due");
    assert!(matches!(machine.force(at(3000)), Decision::Join { id, .. } if id == plan.id));
    assert!(matches!(machine.usable(at(3000)), Decision::Use { beside: Beside::Join(id) } if id == plan.id));
    let mut machine = session();
    let plan = started(machine.force(at(3000)));
    assert_eq!(machine.tick(at(3000)).start, None);
    assert_eq!(machine.flight(), Some(plan.id));
}

///
#[test]
fn a_flight_that_takes_too_long_is_looked_at_by_whoever_comes() {
    let mut machine = session();
    let plan = started(machine.usable(at(3600)));
    let limit = Policy::default().flight_limit().as_secs();
    assert!(matches!(machine.usable(at(3600 + limit - 1)), Decision::Join { overdue: false, .. }));
    assert_eq!(machine.tick(at(3601)).next, Some(secs(3600 + limit)));
    assert!(matches!(machine.usable(at(3600 + limit)), Decision::Join { id, overdue: true } if id == plan.id));
    let tick = machine.tick(at(3600 + limit));
    assert!(tick.overdue && tick.next == Some(secs(3601 + limit)), "{tick:?}");
}

#[test]
fn a_new_session_reads_its_store_first_and_only_once() {
    let mut machine = machine(Policy::default());
    let plan = started(machine.usable(at(0)));
    assert_eq!((plan.reason, plan.usable), (Reason::Load, false));
    assert!(matches!(machine.usable(at(0)), Decision::Join { .. }));
    let nobody = Landing::Over { epoch: Epoch::new(0), error: Error::new(ErrorKind::NotLoggedIn) };
    assert!(machine.land(&plan, &nobody, at(1), 0).events.is_empty(), "that nobody has logged in is no news");
    assert_eq!(refused_with(machine.usable(at(1))), ErrorKind::NotLoggedIn);
    assert_eq!(machine.tick(at(1)).start, None);
}

#[test]
fn a_login_elsewhere_is_told_as_a_login() {
    let mut machine = session();
    let plan = started(machine.force(at(100)));
    let other = found(plan.epoch.next(), Generation::new(5), at(90), Some(HOUR));
    let verdict = machine.land(&plan, &Landing::Found(other), at(101), 0);
    assert!(matches!(&verdict.events[..], [Event::LoggedIn { epoch, .. }] if *epoch == plan.epoch.next()));
    assert_eq!(machine.generation(), Generation::new(5));
}

#[test]
fn after_a_close_nothing_starts_but_what_stores_something() {
    let mut machine = machine(Policy::default());
    machine.login(Login::new(Some(HOUR)), at(0), 0);
    machine.close();
    assert!(just_use(&machine.usable(at(1))), "what is there may be used");
    assert_eq!(refused_with(machine.usable(at(3600))), ErrorKind::Closed);
    assert_eq!(refused_with(machine.force(at(1))), ErrorKind::Closed);
    let plan = machine.tick(at(3600)).start.expect("the login is to be stored");
    assert_eq!(plan.reason, Reason::Persist);
    machine.land(&plan, &Landing::Flushed, at(3600), 0);
    store(&mut machine);
    assert_eq!((machine.tick(at(3601)).start, machine.tick(at(3601)).next), (None, None));
    let mut unread = crate::support::machine(Policy::default());
    unread.close();
    assert_eq!(refused_with(unread.usable(at(0))), ErrorKind::Closed);
    assert_eq!(unread.tick(at(0)).start, None);
}

#[test]
fn a_spent_token_without_a_refresh_token_needs_a_login() {
    let mut machine = machine(Policy::default());
    let mut login = Login::new(Some(HOUR));
    login.has_refresh_token = false;
    machine.login(login, at(0), 0);
    store(&mut machine);
    assert!(just_use(&machine.usable(at(3599))));
    assert_eq!(refused_with(machine.usable(at(3600))), ErrorKind::NoRefreshToken);
    assert_eq!((machine.tick(at(3600)).start, machine.tick(at(3600)).next), (None, None));
}
