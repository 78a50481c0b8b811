//! A session that gets its tokens from the common session of several audiences.

use tokenflight_core::LoginId;

use crate::tables::*;

/// The common session's logins.
const FIRST: LoginId = LoginId::new(1);
const SECOND: LoginId = LoginId::new(2);

fn audience() -> Session {
    let mut rules = Rules::new(Policy::default()).expect("a sane policy");
    rules.role = Role::Audience;
    Machine::new(Arc::new(rules))
}

/// It has obtained a token, of this login.
fn obtain(machine: &mut Session, login: LoginId, second: u64) {
    let plan = started(machine.usable(None, at(second)));
    let times = Times::new(at(second), Some(HOUR));
    machine.finish(&plan, answered(&plan, times, Saved::Elsewhere { login }), at(second), 0);
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

/// A token of the login that is followed is a token of the same login here; one of another login is not.
#[test]
fn a_token_of_another_login_of_the_common_session_is_another_login_here() {
    let mut machine = audience();
    machine.follow(FIRST, at(0));
    let login = machine.login_id();
    obtain(&mut machine, FIRST, 1);
    assert_eq!(machine.login_id(), login);
    let plan = started(machine.usable(None, at(3601)));
    let times = Times::new(at(3601), Some(HOUR));
    machine.finish(&plan, answered(&plan, times, Saved::Elsewhere { login: SECOND }), at(3601), 0);
    assert!(machine.login_id() > login);
    assert!(!machine.follow(SECOND, at(3602)));
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
