//! Several requests and several generations: who refreshes, and who only takes what is there.

use http::StatusCode;
use tokenflight::ErrorKind;
use tokio_test::assert_pending;

use crate::bed::{Bed, Call, LIFE, ME, explained, get, now, ok, secs, status, unauthorized};

#[test]
fn many_requests_refused_together_cost_one_refresh() {
    const MANY: usize = 20;
    let mut bed = Bed::new();
    bed.grant.gate().close();
    let mut calls: Vec<Call> = (0..MANY).map(|_| bed.refused(get(ME))).collect();
    for call in &mut calls {
        assert_pending!(call.poll_until_idle());
    }
    bed.nothing_received();
    bed.grant.gate().open();
    for call in &mut calls {
        assert!(call.is_woken());
        assert_pending!(call.poll_until_idle());
        bed.received_with("access-1").send_response(ok());
        assert_eq!(status(call.poll()), StatusCode::OK);
    }
    assert_eq!(bed.grant.count(), 1);
}

#[test]
fn many_requests_without_a_token_cost_one_refresh() {
    let mut bed = Bed::new();
    bed.time.advance(LIFE);
    bed.grant.gate().close();
    let mut calls: Vec<Call> = (0..20).map(|_| bed.call(get(ME))).collect();
    for call in &mut calls {
        assert_pending!(call.poll_until_idle());
    }
    bed.grant.gate().open();
    for call in &mut calls {
        assert_pending!(call.poll_until_idle());
        drop(bed.received_with("access-1"));
    }
    assert_eq!(bed.grant.count(), 1);
}

#[test]
fn a_refusal_during_the_drivers_refresh_joins_it() {
    let mut bed = Bed::new();
    let mut driver = bed.drive();
    bed.grant.gate().close();
    let mut call = bed.call(get(ME));
    let respond = bed.received_with("access-0");
    while bed.grant.count() == 0 {
        assert!(bed.time.advance_to_next());
        assert_pending!(driver.poll_until_idle());
    }
    respond.send_response(unauthorized());
    assert_pending!(call.poll_until_idle());
    bed.nothing_received();
    bed.grant.gate().open();
    assert_pending!(driver.poll_until_idle());
    assert!(call.is_woken(), "the driver's poll is enough");
    assert_pending!(call.poll_until_idle());
    bed.received_with("access-1").send_response(ok());
    assert_eq!(status(call.poll()), StatusCode::OK);
    assert_eq!(bed.grant.count(), 1);
}

#[test]
fn a_late_refusal_of_a_replaced_token_is_replayed_without_a_refresh() {
    let mut bed = Bed::new();
    let mut late = bed.call(get(ME));
    let respond = bed.received_with("access-0");
    let mut early = bed.refused(get(ME));
    assert_pending!(early.poll_until_idle());
    drop(bed.received_with("access-1"));
    respond.send_response(unauthorized());
    assert_pending!(late.poll_until_idle());
    bed.received_with("access-1").send_response(ok());
    assert_eq!(status(late.poll()), StatusCode::OK);
    assert_eq!(bed.grant.count(), 1);
}

#[test]
fn a_refusal_two_generations_late_is_replayed_with_the_newest() {
    let mut bed = Bed::new();
    let mut call = bed.call(get(ME));
    let respond = bed.received_with("access-0");
    for _ in 0..2 {
        now(bed.session.refresh()).unwrap();
        bed.time.advance(secs(30));
    }
    respond.send_response(unauthorized());
    assert_pending!(call.poll_until_idle());
    bed.received_with("access-2").send_response(ok());
    assert_eq!(status(call.poll()), StatusCode::OK);
    assert_eq!(bed.grant.count(), 2);
}

/// Where the new token is fresh: the refusal is about the old one.
#[test]
fn a_late_refusal_is_no_refusal_of_a_fresh_token() {
    let mut bed = Bed::new();
    let mut call = bed.call(get(ME));
    let respond = bed.received_with("access-0");
    now(bed.session.refresh()).unwrap();
    respond.send_response(unauthorized());
    assert_pending!(call.poll_until_idle());
    drop(bed.received_with("access-1"));
    assert_eq!(bed.session.state().fresh_refused, 0);
}

/// In a round of its own: nothing was sent but the one request.
#[test]
fn a_refusal_of_a_token_that_has_just_been_refreshed_is_returned() {
    let mut bed = Bed::new();
    now(bed.session.refresh()).unwrap();
    let mut call = bed.call(get(ME));
    bed.received_with("access-1").send_response(unauthorized());
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::FreshRefused);
    assert_eq!((bed.grant.count(), bed.session.state().fresh_refused), (1, 1));
    bed.succeeds_with("access-1");
}

#[test]
fn a_refusal_that_comes_an_hour_after_the_request_is_handled_like_any_other() {
    let mut bed = Bed::new();
    let mut call = bed.call(get(ME));
    let respond = bed.received_with("access-0");
    bed.time.advance(secs(3_600));
    respond.send_response(unauthorized());
    assert_pending!(call.poll_until_idle());
    bed.received_with("access-1").send_response(ok());
    assert_eq!(status(call.poll()), StatusCode::OK);
    assert_eq!(bed.grant.count(), 1);
}

/// With a suspend, which timers do not see.
#[test]
fn a_refusal_after_a_suspend_is_handled_like_any_other() {
    let mut bed = Bed::new();
    let mut call = bed.call(get(ME));
    let respond = bed.received_with("access-0");
    bed.time.suspend(secs(8 * 3_600));
    bed.time.step_wall_back(secs(3_600));
    respond.send_response(unauthorized());
    assert_pending!(call.poll_until_idle());
    drop(bed.received_with("access-1"));
}

#[test]
fn the_request_that_started_a_refresh_may_leave_and_the_others_get_its_token() {
    let mut bed = Bed::new();
    bed.grant.gate().close();
    let (mut first, mut second) = (bed.refused(get(ME)), bed.refused(get(ME)));
    assert_pending!(first.poll_until_idle());
    assert_pending!(second.poll_until_idle());
    drop(first);
    bed.grant.gate().open();
    assert!(second.is_woken());
    assert_pending!(second.poll_until_idle());
    drop(bed.received_with("access-1"));
    assert_eq!(bed.grant.count(), 1);
}

#[test]
fn a_stale_private_copy_of_the_token_is_never_sent_after_the_refusal_is_known() {
    let mut bed = Bed::new();
    bed.succeeds_with("access-0");
    bed.grant.gate().close();
    let mut refused = bed.refused(get(ME));
    assert_pending!(refused.poll_until_idle());
    let mut next = bed.call(get(ME));
    assert_pending!(next.poll_until_idle());
    bed.nothing_received();
}

#[test]
fn with_a_driver_a_token_is_withdrawn_when_it_runs_out() {
    let mut bed = Bed::new();
    let mut driver = bed.drive();
    bed.succeeds_with("access-0");
    bed.grant.gate().close();
    for _ in 0..1_000 {
        if bed.time.now().boot >= secs(1_000) + LIFE {
            break;
        }
        bed.time.advance_to_next();
        assert_pending!(driver.poll_until_idle());
    }
    let mut call = bed.call(get(ME));
    assert_pending!(call.poll_until_idle());
    bed.nothing_received();
    bed.grant.gate().open();
    assert_pending!(call.poll_until_idle());
    drop(bed.received_with("access-1"));
    assert_eq!(bed.grant.count(), 1);
}
