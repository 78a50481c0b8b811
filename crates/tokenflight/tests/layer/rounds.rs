//! Several requests and several generations: who refreshes, and who only takes what is there.

use crate::fixture::*;

#[test]
fn many_requests_refused_together_cost_one_refresh() {
    const MANY: usize = 20;
    let mut fixture = Fixture::new();
    fixture.grant.gate().close();
    let mut calls: Vec<Call> = (0..MANY).map(|_| fixture.refused(get(ME))).collect();
    for call in &mut calls {
        assert_pending!(call.poll_until_idle());
    }
    fixture.nothing_received();
    fixture.grant.gate().open();
    for call in &mut calls {
        assert!(call.is_woken());
        fixture.succeeds(call, "access-1");
    }
    assert_eq!(fixture.grant.count(), 1);
}

#[test]
fn many_requests_without_a_token_cost_one_refresh() {
    let mut fixture = Fixture::expired();
    fixture.grant.gate().close();
    let mut calls: Vec<Call> = (0..20).map(|_| fixture.call(get(ME))).collect();
    for call in &mut calls {
        assert_pending!(call.poll_until_idle());
    }
    fixture.grant.gate().open();
    for call in &mut calls {
        drop(fixture.sent_by(call, "access-1"));
    }
    assert_eq!(fixture.grant.count(), 1);
}

#[test]
fn a_refusal_during_the_drivers_refresh_joins_it() {
    let mut fixture = Fixture::new();
    let mut driver = fixture.drive();
    fixture.grant.gate().close();
    let (mut call, respond) = fixture.sent(get(ME));
    while fixture.grant.count() == 0 {
        assert!(fixture.time.advance_to_next());
        assert_pending!(driver.poll_until_idle());
    }
    respond.send_response(unauthorized());
    assert_pending!(call.poll_until_idle());
    fixture.nothing_received();
    fixture.grant.gate().open();
    assert_pending!(driver.poll_until_idle());
    assert!(call.is_woken(), "the driver's poll is enough");
    fixture.succeeds(&mut call, "access-1");
    assert_eq!(fixture.grant.count(), 1);
}

#[test]
fn a_late_refusal_of_a_replaced_token_is_replayed_without_a_refresh() {
    let mut fixture = Fixture::new();
    let (mut late, respond) = fixture.sent(get(ME));
    let mut early = fixture.refused(get(ME));
    drop(fixture.sent_by(&mut early, "access-1"));
    respond.send_response(unauthorized());
    fixture.succeeds(&mut late, "access-1");
    assert_eq!(fixture.grant.count(), 1);
}

#[test]
fn a_refusal_two_generations_late_is_replayed_with_the_newest() {
    let mut fixture = Fixture::new();
    let (mut call, respond) = fixture.sent(get(ME));
    for _ in 0..2 {
        now(fixture.session.refresh()).unwrap();
        fixture.time.advance(secs(30));
    }
    respond.send_response(unauthorized());
    fixture.succeeds(&mut call, "access-2");
    assert_eq!(fixture.grant.count(), 2);
}

/// Where the new token is fresh: the refusal is about the old one.
#[test]
fn a_late_refusal_is_no_refusal_of_a_fresh_token() {
    let mut fixture = Fixture::new();
    let (mut call, respond) = fixture.sent(get(ME));
    now(fixture.session.refresh()).unwrap();
    respond.send_response(unauthorized());
    drop(fixture.sent_by(&mut call, "access-1"));
    assert_eq!(fixture.session.state().fresh_refused, 0);
}

/// In a round of its own: nothing was sent but the one request.
#[test]
fn a_refusal_of_a_token_that_has_just_been_refreshed_is_returned() {
    let mut fixture = Fixture::new();
    now(fixture.session.refresh()).unwrap();
    let mut call = fixture.call(get(ME));
    fixture.received_with("access-1").send_response(unauthorized());
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::FreshRefused);
    assert_eq!((fixture.grant.count(), fixture.session.state().fresh_refused), (1, 1));
    fixture.succeeds_with("access-1");
}

#[test]
fn a_refusal_that_comes_an_hour_after_the_request_is_handled_like_any_other() {
    let mut fixture = Fixture::new();
    let (mut call, respond) = fixture.sent(get(ME));
    fixture.time.advance(secs(3_600));
    respond.send_response(unauthorized());
    fixture.succeeds(&mut call, "access-1");
    assert_eq!(fixture.grant.count(), 1);
}

/// With a suspend, which timers do not see.
#[test]
fn a_refusal_after_a_suspend_is_handled_like_any_other() {
    let mut fixture = Fixture::new();
    let (mut call, respond) = fixture.sent(get(ME));
    fixture.time.suspend(secs(8 * 3_600));
    fixture.time.step_wall_back(secs(3_600));
    respond.send_response(unauthorized());
    drop(fixture.sent_by(&mut call, "access-1"));
}

#[test]
fn the_request_that_started_a_refresh_may_leave_and_the_others_get_its_token() {
    let mut fixture = Fixture::new();
    fixture.grant.gate().close();
    let (mut first, mut second) = (fixture.refused(get(ME)), fixture.refused(get(ME)));
    assert_pending!(first.poll_until_idle());
    assert_pending!(second.poll_until_idle());
    drop(first);
    fixture.grant.gate().open();
    assert!(second.is_woken());
    drop(fixture.sent_by(&mut second, "access-1"));
    assert_eq!(fixture.grant.count(), 1);
}

#[test]
fn a_stale_private_copy_of_the_token_is_never_sent_after_the_refusal_is_known() {
    let mut fixture = Fixture::new();
    fixture.succeeds_with("access-0");
    fixture.grant.gate().close();
    let _refused = fixture.refused_and_waiting(get(ME));
    let _next = fixture.waiting(get(ME));
    fixture.nothing_received();
}

#[test]
fn with_a_driver_a_token_is_withdrawn_when_it_runs_out() {
    let mut fixture = Fixture::new();
    let mut driver = fixture.drive();
    fixture.succeeds_with("access-0");
    fixture.grant.gate().close();
    for _ in 0..1_000 {
        if fixture.time.now().boot >= secs(1_000) + LIFE {
            break;
        }
        fixture.time.advance_to_next();
        assert_pending!(driver.poll_until_idle());
    }
    let mut call = fixture.waiting(get(ME));
    fixture.nothing_received();
    fixture.grant.gate().open();
    drop(fixture.sent_by(&mut call, "access-1"));
    assert_eq!(fixture.grant.count(), 1);
}
