//! Clocks of other hosts, and of computers that were switched on lately.

use crate::fixture::*;

/// Tokens received before this computer was switched on: from another host, or from a file.
#[test]
fn a_token_that_was_received_before_the_computer_started_is_as_old_as_was_said() {
    let (time, grant) = (ManualTime::new(1), MockGrant::new());
    let session = Session::builder(grant.clone()).time(time.clone()).build().unwrap();
    // The boot clock shows 1,000 s.
    let tokens = TokenSet::new("old").refresh_token("refresh-0").expires_in(SECOND * 3600);
    time.run(session.login_received(tokens, SECOND * 3595)).unwrap();
    time.advance(SECOND * 20);
    let token = time.run(session.token()).unwrap();
    assert_eq!(token.access().expose(), "access-1", "the token ran out 15 s ago");
}

#[test]
fn a_driver_withdraws_a_token_that_was_received_before_the_computer_started() {
    let (time, grant) = (ManualTime::new(1), MockGrant::new());
    let session = Session::builder(grant.clone()).time(time.clone()).build().unwrap();
    let tokens = TokenSet::new("old").refresh_token("refresh-0").expires_in(SECOND * 3600);
    time.run(session.login_received(tokens, SECOND * 3000)).unwrap();
    let mut driver = session.driver();
    for _ in 0..700 {
        let _ = poll(&mut driver);
        time.advance(SECOND);
    }
    assert!(grant.count() > 0, "nothing was renewed in 700 s, and the token had 600 s");
}

/// Another host's clock is seconds ahead (or ours was set back): its token is older than this call.
#[test]
fn a_forced_refresh_that_meets_the_first_load_brings_a_newer_token_whatever_the_clocks_say() {
    let (world, session) = world();
    drop(session);
    world.time.advance(SECOND * 20);
    world.time.step_wall_back(SECOND * 600);
    let session = world.elsewhere(&world.grant);
    let token = world.time.run(session.refresh()).unwrap();
    assert_eq!(token.access().expose(), "access-1");
}
