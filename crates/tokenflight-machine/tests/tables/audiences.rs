//! A session that gets its tokens from the common session of several audiences, and the common one.

use tokenflight_core::LoginId;

use crate::tables::*;

/// The common session's logins.
const FIRST: LoginId = LoginId::new(1);
const SECOND: LoginId = LoginId::new(2);

fn audience() -> Session {
    audience_by(Policy::default())
}

fn audience_by(policy: Policy) -> Session {
    let mut rules = Rules::new(policy).expect("a sane policy");
    rules.role = Role::Audience;
    Machine::new(Arc::new(rules))
}

/// It has obtained a token, of this login.
fn obtain(machine: &mut Session, login: LoginId, second: u64) {
    let plan = started(machine.usable(None, at(second)));
    brought(machine, &plan, login, second);
}

/// A refresh has brought a token, of this login.
fn brought(machine: &mut Session, plan: &Plan, login: LoginId, second: u64) {
    let times = Times::new(at(second), Some(HOUR));
    machine.finish(plan, answered(plan, times, Saved::Elsewhere { login }), at(second), 0);
}

#[test]
fn an_audience_follows_each_login_of_the_common_session_once() {
    let mut machine = audience();
    assert!(machine.follow(FIRST, at(0)));
    obtain(&mut machine, FIRST, 1);
    assert!(uses(&machine.usable(None, at(2))));
    assert!(!machine.follow(FIRST, at(3)), "it is no news");
    assert!(uses(&machine.usable(None, at(3))));
    let login = machine.login_id();
    assert!(machine.follow(SECOND, at(4)));
    assert!(machine.login_id() > login);
    assert!(!uses(&machine.usable(None, at(4))), "the token is of the login before");
}

#[test]
fn an_audience_follows_a_logout_of_the_common_session_once() {
    let mut machine = audience();
    machine.follow(SECOND, at(0));
    obtain(&mut machine, SECOND, 1);
    assert!(!machine.follow_out(FIRST, at(2)), "another login came after it");
    assert!(uses(&machine.usable(None, at(2))));
    let mut ended = machine.clone();
    for (login, news) in [(SECOND.next(), true), (SECOND.next(), false), (SECOND.next().next(), false)] {
        assert_eq!(machine.follow_out(login, at(3)), news, "{login:?}");
        assert_eq!(refused_with(machine.usable(None, at(3))), ErrorKind::LoggedOut);
    }
    assert!(!machine.follow(SECOND.next().next(), at(4)) && machine.is_logged_out(), "that login is the logout");
    assert!(machine.follow(SECOND.next().next().next(), at(4)) && !machine.is_logged_out());
    assert!(ended.follow_out(SECOND, at(3)) && ended.is_logged_out(), "its own login is over");
}

/// A token of the login that is followed is a token of the same login here; one of another is not.
#[test]
fn a_token_of_another_login_of_the_common_session_is_another_login_here() {
    let mut machine = audience();
    machine.follow(FIRST, at(0));
    let login = machine.login_id();
    obtain(&mut machine, FIRST, 1);
    assert_eq!(machine.login_id(), login);
    obtain(&mut machine, SECOND, 3601);
    assert!(machine.login_id() > login);
    assert!(!machine.follow(SECOND, at(3602)));
}

/// What was refused were tokens of another login.
#[test]
fn refreshing_that_did_not_help_another_login_of_the_common_session_may_help_this_one() {
    for (login, rests) in [(FIRST, true), (SECOND, false)] {
        let mut machine = audience_by(policy(|policy| policy.storm_limit = 1));
        machine.follow(FIRST, at(0));
        obtain(&mut machine, FIRST, 1);
        let plan = started(machine.refused(refusal(&machine), at(60)));
        brought(&mut machine, &plan, FIRST, 60);
        assert_eq!(refused_with(machine.refused(refusal(&machine).after_replays(1), at(60))), ErrorKind::StillRefused);
        let plan = started(machine.force(at(100)));
        brought(&mut machine, &plan, login, 100);
        let decision = machine.refused(refusal(&machine), at(200));
        assert_eq!(matches!(decision, Decision::Refuse(_)), rests, "{login:?}: {decision:?}");
    }
}

/// A driver renews for an audience what is in use, and a login is a use.
#[test]
fn the_first_token_of_a_login_that_an_audience_follows_is_obtained_by_the_driver() {
    let mut machine = audience();
    machine.follow(FIRST, at(0));
    for second in [1, 3601, 7201] {
        obtain(&mut machine, FIRST, second);
    }
    assert!(machine.clone().tick(at(10_801)).refresh.is_none(), "it was not used");
    machine.follow(SECOND, at(10_801));
    assert!(machine.tick(at(10_801)).refresh.is_some());
}

#[test]
fn an_audience_has_nothing_to_store_and_reads_nothing() {
    let mut machine = audience();
    machine.follow(FIRST, at(0));
    obtain(&mut machine, FIRST, 1);
    assert!(!machine.has_unsaved() && machine.flush().is_none());
    machine.close();
    assert!(matches!(machine.usable(None, at(2)), Decision::Use { .. }));
    assert_eq!(refused_with(machine.usable(None, at(3601))), ErrorKind::Closed);
}

/// The session whose refresh token the audiences use; it has been logged in.
fn common() -> Session {
    let mut rules = Rules::new(Policy::default()).expect("a sane policy");
    rules.role = Role::Common;
    let mut machine = Machine::new(Arc::new(rules));
    log_in(&mut machine, 0);
    machine
}

/// With a refresh token alone: each audience gets an access token of its own.
fn log_in(machine: &mut Session, second: u64) {
    machine.login(None, Times::new(at(second), None), tokens(at(second).wall, None), at(second), 0);
    store(machine, at(second));
}

/// A token for one of the audiences.
fn present(machine: &mut Session, second: u64, lifetime: Option<Duration>) {
    let plan = started(machine.present(Reason::Due, at(second)));
    machine.finish(&plan, obtained(&plan, lifetime), at(second), 0);
}

/// What the next refresh believes to be usable.
fn usable(machine: &Session, second: u64) -> Option<Duration> {
    started(machine.clone().present(Reason::Due, at(second))).usable
}

/// A refresh token in doubt is kept back while one of them lives: presenting it could end the
/// session for all.
#[test]
fn the_longest_life_of_all_audiences_tokens_says_how_long_there_is_something_to_lose() {
    let mut machine = common();
    assert_eq!(usable(&machine, 0), None);
    for (second, lifetime) in [(0, 300), (1, 600), (2, 60)] {
        present(&mut machine, second, Some(secs(lifetime)));
    }
    for (second, left) in [(2, 599), (62, 539), (600, 1)] {
        assert_eq!(usable(&machine, second), Some(secs(left)), "{second}");
    }
    assert_eq!(usable(&machine, 601), None);
    // It is not known when such a one ends: it counts as long as no other one has been obtained.
    present(&mut machine, 100, None);
    assert_eq!(usable(&machine, 700), Some(Duration::MAX));
    present(&mut machine, 200, Some(secs(60)));
    assert_eq!(usable(&machine, 270), Some(secs(331)));
}

#[test]
fn the_tokens_of_another_login_are_nothing_to_lose() {
    let mut machine = common();
    present(&mut machine, 0, Some(secs(600)));
    let mut elsewhere = machine.clone();
    log_in(&mut machine, 10);
    assert_eq!(usable(&machine, 10), None);
    // Another process's login is met in the store.
    let plan = started(elsewhere.present(Reason::Due, at(10)));
    let theirs = reset(plan.known.as_deref(), Some(tokens(at(5).wall, Some(secs(1)))), at(5));
    let saved = Saved::Stored(Arc::new(committed(Some(&theirs), None, at(10))));
    elsewhere.finish(&plan, answered(&plan, Times::new(at(10), Some(secs(60))), saved), at(10), 0);
    assert_eq!((usable(&elsewhere, 69), usable(&elsewhere, 70)), (Some(secs(1)), None));
}

#[test]
fn nothing_is_refreshed_for_an_audience_but_at_its_wish() {
    let mut machine = common();
    for second in [0, 2520, 3600, 100_000] {
        machine.note_use();
        let tick = machine.tick(at(second));
        assert!(tick.refresh.is_none() && tick.next.is_none(), "{tick:?}");
    }
    present(&mut machine, 0, Some(HOUR));
    for second in [0, 2520, 3599] {
        let tick = machine.tick(at(second));
        assert!(tick.refresh.is_none() && tick.next == Some(HOUR), "{tick:?}");
    }
}

/// The waiting times after failures are the audience's own.
#[test]
fn an_audiences_wish_joins_what_is_in_progress_stores_what_is_not_stored_and_waits_for_nothing_else() {
    let mut machine = common();
    let plan = started(machine.present(Reason::Rejected, at(0)));
    assert_eq!(plan.reason, Reason::Rejected);
    assert!(matches!(machine.present(Reason::Due, at(0)), Decision::Join { work: Work::Refresh, overdue: false }));
    machine.finish(&plan, obtained_unsaved(&plan, Some(HOUR)), at(0), ALL);
    assert_eq!(refused_with(machine.present(Reason::Due, at(0))), ErrorKind::Store, "its first try has failed");
    let write = writing(machine.present(Reason::Due, at(1)));
    assert!(matches!(machine.present(Reason::Due, at(1)), Decision::Join { work: Work::Write, .. }));
    let known = machine.known().cloned();
    write_to(&mut machine, write, known.as_deref(), at(1));
    for class in [FailureClass::NotSent, FailureClass::Throttled] {
        let plan = started(machine.present(Reason::Due, at(1)));
        machine.finish(&plan, failed(class), at(1), ALL);
    }
    present(&mut machine, 1, Some(HOUR));
    present(&mut machine, 1, Some(HOUR));
}

#[test]
fn an_audience_is_told_why_the_common_refresh_token_cannot_be_presented() {
    let mut unread = Session::new(Arc::clone(common().rules()));
    assert_eq!(started(unread.present(Reason::Due, at(0))).reason, Reason::Load);
    let mut machine = common();
    present(&mut machine, 0, Some(HOUR));
    let (mut closed, mut out, mut over) = (machine.clone(), machine.clone(), machine.clone());
    closed.close();
    assert_eq!(refused_with(closed.present(Reason::Due, at(1))), ErrorKind::Closed);
    out.logout(at(1));
    assert_eq!(refused_with(out.present(Reason::Due, at(1))), ErrorKind::LoggedOut);
    let plan = started(over.present(Reason::Due, at(1)));
    over.finish(&plan, ended(&plan), at(1), 0);
    assert!(matches!(refused_with(over.present(Reason::Due, at(1))), ErrorKind::Ended(_)));
    // In doubt, while there is a token to lose.
    let plan = started(machine.present(Reason::Due, at(1)));
    machine.finish(&plan, lost(secs(1)), at(1), ALL);
    let kind = refused_with(machine.present(Reason::Due, at(3599)));
    assert_eq!(kind, ErrorKind::Refresh(FailureClass::Ambiguous));
    started(machine.present(Reason::Due, at(3600)));
}
