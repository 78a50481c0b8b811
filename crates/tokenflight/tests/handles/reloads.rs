//! A session that has ended, and looks again.

use tokenflight::{GrantError, Status};
use tokenflight_test::mock::Step;

use crate::fixture::*;

fn invalid_grant() -> Step {
    Step::Fail(GrantError::terminal("invalid_grant"))
}

/// The state is "ending, usable until"; an application looks whether another process has logged in.
#[test]
fn a_reload_leaves_the_living_token_of_a_session_that_has_ended() {
    for (the_store, down) in [("answers", false), ("is down", true)] {
        let (around, session) = around();
        around.time.advance(SECOND * 60);
        around.grant.push(invalid_grant());
        around.time.run(session.refresh()).unwrap_err();
        assert!(matches!(session.state().status, Status::Ending(_)), "{:?}", session.state());
        assert!(around.time.run(session.token()).is_ok());
        around.store.set_down(down);
        let reloaded = around.time.run(session.reload());
        assert!(down || reloaded.is_ok(), "the store {the_store}: {reloaded:?}");
        let token = around.time.run(session.token());
        assert!(token.is_ok(), "the store {the_store}: {token:?}");
    }
}

#[test]
fn a_reload_leaves_the_living_tokens_of_audiences_whose_login_has_ended() {
    let (time, files, mail) = (ManualTime::new(1), MockGrant::new(), MockGrant::new());
    let audiences = Audiences::builder()
        .time(time.clone())
        .store(ModelStore::new())
        .audience("files", files.clone())
        .audience("mail", mail.clone())
        .build()
        .unwrap();
    time.run(audiences.login(set("0"))).unwrap();
    let (one, other) = (audiences.session("files").unwrap(), audiences.session("mail").unwrap());
    time.run(one.token()).unwrap();
    time.advance(SECOND * 10);
    mail.push(invalid_grant());
    time.run(other.token()).unwrap_err();
    // It learns of the end by itself.
    time.run(one.refresh()).unwrap_err();
    assert!(time.run(one.token()).is_ok(), "before");
    let _ = time.run(audiences.reload());
    let token = time.run(one.token());
    assert!(token.is_ok(), "{token:?}");
}

/// The login here cannot be renewed and has run out.
#[test]
fn a_reload_finds_a_login_elsewhere_although_the_login_here_had_no_refresh_token() {
    let (time, model) = (ManualTime::new(5), ModelStore::new());
    let process = || {
        let builder = Session::builder(MockGrant::new()).store(model.another_process());
        builder.time(time.clone()).build().unwrap()
    };
    let (here, there) = (process(), process());
    time.run(here.login(TokenSet::new("bare").expires_in(SECOND * 60))).unwrap();
    time.advance(SECOND * 61);
    assert!(time.run(here.token()).unwrap_err().needs_login());
    time.run(there.login(set("there"))).unwrap();
    time.advance(SECOND * 60);
    time.run(here.reload()).unwrap();
    assert_eq!(time.run(here.token()).unwrap().access().expose(), "access-there");
}
