//! Login, logout, reload, close, and what is in progress meanwhile.

use crate::tables::*;

#[test]
fn a_logout_is_not_undone_by_a_refresh_of_the_login_before() {
    let mut machine = session();
    let late = started(machine.force(at(100)));
    machine.logout(at(100));
    assert_eq!(machine.running(Work::Refresh), None);
    let finish = machine.finish(&late, obtained(&late, Some(HOUR)), at(101), 0);
    assert!(matches!(finish, Finish::Stale { logged_out: true }), "what it brought is to be revoked");
    for decision in [machine.usable(None, at(101)), machine.force(at(101))] {
        assert_eq!(refused_with(decision), ErrorKind::LoggedOut);
    }
    assert!(machine.is_logged_out() && machine.token().is_none());
    let tick = machine.tick(at(102));
    assert!(tick.write.is_some() && tick.refresh.is_none(), "only the logout is to be stored");
}

#[test]
fn a_login_during_a_refresh_keeps_its_own_token() {
    for logout in [false, true] {
        let mut machine = session();
        let late = started(machine.force(at(100)));
        if logout {
            machine.logout(at(100));
        }
        login(&mut machine, Some(HOUR), at(101));
        let now = (machine.login_id(), machine.generation(), machine.resets());
        let finish = machine.finish(&late, obtained(&late, Some(secs(1))), at(102), 0);
        assert!(matches!(finish, Finish::Stale { logged_out } if logged_out == logout), "whose it is has logged out");
        assert_eq!((machine.login_id(), machine.generation(), machine.resets()), now);
        assert!(machine.has_usable(None, at(200)) && !machine.is_logged_out());
    }
}

/// Another process's, which the login that replaced the refresh has met.
#[test]
fn what_a_refresh_brings_after_a_logout_elsewhere_is_to_be_revoked() {
    let mut machine = session();
    let known = machine.known().cloned();
    let late = started(machine.force(at(100)));
    login(&mut machine, Some(HOUR), at(101));
    let write = machine.flush().expect("a write");
    machine.settle(write, known.as_deref().map(seen).as_ref());
    write_to(&mut machine, write, Some(&reset(known.as_deref(), None, at(101))), at(102));
    assert!(machine.is_logged_out());
    let finish = machine.finish(&late, obtained(&late, Some(HOUR)), at(103), 0);
    assert!(matches!(finish, Finish::Stale { logged_out: true }));
}

/// It may have met another process's login, and that was not logged out.
#[test]
fn what_was_begun_after_a_logout_is_not_to_be_revoked_for_it() {
    let mut machine = session();
    machine.logout(at(100));
    store(&mut machine, at(100));
    machine.reload(at(100));
    let late = started(machine.usable(None, at(100)));
    let theirs = reset(late.known.as_deref(), Some(tokens(at(90).wall, Some(secs(1)))), at(100));
    login(&mut machine, Some(HOUR), at(101));
    let saved = Saved::Stored(Arc::new(committed(Some(&theirs), Some(HOUR), at(101))));
    let finish = machine.finish(&late, answered(&late, Times::new(at(100), Some(HOUR)), saved), at(102), 0);
    assert!(matches!(finish, Finish::Stale { logged_out: false }));
}

#[test]
fn each_login_and_logout_is_another_login() {
    let mut machine = session();
    let mut before = (machine.login_id(), machine.resets());
    for step in 0..4 {
        if step % 2 == 0 {
            machine.logout(at(step));
        } else {
            login(&mut machine, None, at(step));
        }
        assert_eq!((machine.login_id(), machine.resets()), (before.0.next(), before.1 + 1));
        before = (machine.login_id(), machine.resets());
    }
}

#[test]
fn the_rest_and_the_forced_refresh_of_another_login_do_not_count() {
    let mut machine = session();
    let plan = started(machine.force(at(100)));
    machine.finish(&plan, obtained(&plan, Some(HOUR)), at(100), 0);
    machine.set_unsent(Some(Owner::unique()));
    machine.login(None, Times::new(at(100), None), tokens(at(100).wall, None), at(100), 0);
    store(&mut machine, at(100));
    assert_eq!(machine.unsent(), None);
    let plan = started(machine.usable(None, at(100)));
    machine.finish(&plan, obtained(&plan, Some(HOUR)), at(100), 0);
    assert_eq!(started(machine.force(at(100))).reason, Reason::Forced, "its own first one");
}

#[test]
fn a_driver_and_a_user_at_the_same_instant_make_one_refresh() {
    let mut machine = session();
    let plan = machine.tick(at(3000)).refresh.expect("renewal is due");
    assert!(matches!(machine.force(at(3000)), Decision::Join { work: Work::Refresh, .. }));
    assert!(matches!(machine.usable(None, at(3000)), Decision::Use { beside: Some(Beside::Join(Work::Refresh)) }));
    assert_eq!(machine.running(Work::Refresh), Some(plan.id));
    let mut machine = session();
    started(machine.force(at(3000)));
    assert!(machine.tick(at(3000)).refresh.is_none());
}

#[test]
fn a_refresh_that_takes_too_long_is_looked_at_by_each_caller() {
    let mut machine = session();
    started(machine.usable(None, at(3600)));
    let limit = rules(Policy::default()).refresh_limit().as_secs();
    assert!(matches!(machine.usable(None, at(3599 + limit)), Decision::Join { overdue: false, .. }));
    let tick = machine.tick(at(3601));
    assert!(!tick.overdue && tick.next == Some(secs(3600 + limit)), "{tick:?}");
    assert!(matches!(machine.usable(None, at(3600 + limit)), Decision::Join { overdue: true, .. }));
    let tick = machine.tick(at(3600 + limit));
    assert!(tick.overdue && tick.next == Some(secs(3601 + limit)), "{tick:?}");
}

#[test]
fn a_new_session_reads_its_store_first_and_only_once() {
    let mut machine = machine(Policy::default());
    assert!(machine.is_unloaded());
    let plan = started(machine.usable(None, at(0)));
    assert_eq!((plan.reason, plan.usable, plan.known.as_ref()), (Reason::Load, None, None));
    assert!(matches!(machine.usable(None, at(0)), Decision::Join { .. }));
    let empty = Outcome::Found { entry: None, token: None };
    let events =
        told(&mut machine, |machine| assert!(matches!(machine.finish(&plan, empty, at(1), 0), Finish::Failed(_))));
    assert_eq!(names(&events), [""; 0], "that there was no login is no news");
    assert_eq!(refused_with(machine.usable(None, at(1))), ErrorKind::NotLoggedIn);
    assert!(machine.tick(at(1)).refresh.is_none() && !machine.is_unloaded());
}

/// A waiting caller is pinned to the login there was; one that came before it was known, to none.
#[test]
fn which_login_there_is_is_known_from_the_first_read_or_login_on_and_over_a_reload() {
    let mut machine = machine(Policy::default());
    let mut other = machine.clone();
    login(&mut other, None, at(0));
    assert!(!machine.knows_login() && other.knows_login());
    let plan = started(machine.usable(None, at(0)));
    assert!(!machine.knows_login(), "it is being read");
    machine.finish(&plan, Outcome::Found { entry: None, token: None }, at(1), 0);
    assert!(machine.knows_login(), "that there is none is known");
    machine.reload(at(2));
    assert!(machine.is_unloaded() && machine.knows_login());
}

/// The next one is compared with that.
#[test]
fn what_the_first_refresh_has_read_is_known_although_it_failed() {
    let mut machine = machine(Policy::default());
    let mut plan = started(machine.usable(None, at(0)));
    let entry = Arc::new(committed(None, Some(secs(1)), at(0)));
    plan.known = Some(Arc::clone(&entry));
    machine.finish(&plan, failed(FailureClass::NotSent), at(2), 0);
    assert_eq!(machine.known(), Some(&entry));
}

#[test]
fn a_forced_refresh_and_a_driver_read_the_store_first_too() {
    assert_eq!(started(machine(Policy::default()).force(at(0))).reason, Reason::Load);
    assert_eq!(machine(Policy::default()).tick(at(0)).refresh.map(|plan| plan.reason), Some(Reason::Load));
}

#[test]
fn what_is_over_for_the_session_it_is_drawn_from_is_over_here() {
    let mut machine = session();
    let plan = started(machine.force(at(100)));
    let outcome = Outcome::Over { error: Error::new(ErrorKind::LoggedOut) };
    let events = told(&mut machine, |machine| machine.finish(&plan, outcome, at(101), 0));
    assert_eq!(names(&events), ["logout"]);
    assert_eq!(machine.over().map(Error::kind), Some(&ErrorKind::LoggedOut));
    assert!(!machine.has_usable(None, at(101)) && machine.token().is_none());
}

#[test]
fn an_emptied_store_is_a_logout_and_one_that_was_never_filled_is_none() {
    for entry in [None, Some(Arc::default())] {
        for (mut machine, kind) in
            [(session(), ErrorKind::LoggedOut), (machine(Policy::default()), ErrorKind::NotLoggedIn)]
        {
            let plan = started(machine.force(at(100)));
            machine.finish(&plan, Outcome::Found { entry: entry.clone(), token: None }, at(101), 0);
            assert_eq!(refused_with(machine.usable(None, at(101))), kind, "{entry:?}");
        }
    }
}

#[test]
fn after_a_close_nothing_starts_but_what_stores_something() {
    let mut machine = machine(Policy::default());
    login(&mut machine, Some(HOUR), at(0));
    assert!(!machine.is_closing());
    machine.close();
    assert!(machine.is_closing() && machine.has_usable(None, at(1)), "what is there may be used");
    let write = machine.tick(at(3600)).write.expect("the login is to be stored");
    write_to(&mut machine, write, None, at(3600));
    assert_eq!(refused_with(machine.usable(None, at(3600))), ErrorKind::Closed);
    assert_eq!(refused_with(machine.force(at(1))), ErrorKind::Closed);
    let tick = machine.tick(at(3601));
    assert!(tick.refresh.is_none() && tick.next.is_none(), "{tick:?}");
    let mut unread = crate::support::machine(Policy::default());
    unread.close();
    assert_eq!(refused_with(unread.usable(None, at(0))), ErrorKind::Closed);
    assert!(unread.tick(at(0)).refresh.is_none());
    // The driver still withdraws what runs out, and no renewal is waited for.
    let mut closed = session();
    closed.close();
    assert_eq!(closed.tick(at(10)).next, Some(HOUR));
}

#[test]
fn a_spent_token_without_a_refresh_token_needs_a_login() {
    for anew in [false, true] {
        let mut rules = rules(Policy::default());
        Arc::get_mut(&mut rules).expect("not shared").needs_refresh_token = !anew;
        let mut machine = Session::new(rules);
        let tokens = unrefreshable(tokens(at(0).wall, Some(HOUR)));
        machine.login(Some(1), Times::new(at(0), Some(HOUR)), tokens, at(0), 0);
        store(&mut machine, at(0));
        assert!(just_use(&machine.usable(None, at(3599))));
        if anew {
            assert!(machine.clone().tick(at(3600)).refresh.is_some());
            started(machine.usable(None, at(3600)));
        } else {
            assert_eq!(refused_with(machine.usable(None, at(3600))), ErrorKind::NoRefreshToken);
            let tick = machine.tick(at(3600));
            assert!(tick.refresh.is_none() && tick.next.is_none());
        }
    }
}

#[test]
fn a_login_with_a_refresh_token_alone_is_stored_and_then_obtains_its_first_token() {
    let mut machine = machine(policy(|policy| policy.idle_gate = false));
    machine.login(None, Times::new(at(0), None), tokens(at(0).wall, None), at(0), 0);
    assert!(machine.token().is_none() && machine.offer(true, at(0)).is_none() && !machine.has_usable(None, at(0)));
    let write = writing(machine.usable(None, at(0)));
    write_to(&mut machine, write, None, at(0));
    assert!(machine.clone().tick(at(0)).refresh.is_some());
    let (plan, before) = (started(machine.usable(None, at(0))), machine.generation());
    assert_eq!(plan.usable, None);
    machine.finish(&plan, obtained_unsaved(&plan, Some(HOUR)), at(1), 0);
    assert_eq!(machine.generation(), before.next());
    assert!(machine.has_usable(None, at(1)));
}

/// What may hold the user's code is not dropped by the machine, which is used under a lock.
#[test]
fn what_is_let_go_is_handed_over_once() {
    let mut machine = session();
    let plan = started(machine.usable(None, at(3600)));
    machine.finish(&plan, failed(FailureClass::NotSent), at(3600), ALL);
    assert!(!machine.has_discarded());
    login(&mut machine, Some(HOUR), at(3601));
    assert!(machine.has_discarded());
    assert_eq!(*machine.take_discarded()[0].kind(), ErrorKind::Refresh(FailureClass::NotSent));
    assert!(!machine.has_discarded() && machine.take_discarded().is_empty());
}

#[test]
fn a_claim_that_is_left_behind_is_remembered_until_there_is_an_answer() {
    let mut machine = session();
    let owner = Owner::unique();
    machine.set_unsent(Some(owner));
    assert_eq!(machine.unsent(), Some(owner));
    let plan = started(machine.usable(None, at(3600)));
    machine.finish(&plan, failed(FailureClass::NotSent), at(3600), 0);
    assert_eq!(machine.unsent(), Some(owner));
    let plan = started(machine.usable(None, at(3900)));
    machine.finish(&plan, obtained(&plan, Some(HOUR)), at(3900), 0);
    assert_eq!(machine.unsent(), None);
}
