//! What a request says about how it is to be treated.

use tokenflight::{Now, time::Sleep};

use crate::fixture::*;

fn with(options: BearerOptions, mut request: Req) -> Req {
    request.extensions_mut().insert(options);
    request
}

#[test]
fn a_request_that_wants_no_token_gets_none_and_its_refusal_means_nothing() {
    let mut fixture = Fixture::new();
    let mut call = fixture.call(with(BearerOptions::new().without_token(), get(ME)));
    let (sent, respond) = fixture.received();
    assert_eq!(bearer(&sent), None);
    respond.send_response(challenged(&["Bearer"], TestBody::new()));
    assert_eq!(status(call.poll()), StatusCode::UNAUTHORIZED);
    assert_eq!(fixture.grant.count(), 0);
    fixture.succeeds_with("access-0");
}

#[test]
fn a_request_that_must_not_be_replayed_is_sent_once_and_the_next_one_has_a_new_token() {
    let mut fixture = Fixture::new();
    let mut call = fixture.refused(with(BearerOptions::new().never_replay(), get(ME)));
    assert_eq!(status(call.poll()), StatusCode::UNAUTHORIZED);
    fixture.nothing_received();
    let mut next = fixture.call(get(ME));
    fixture.sent_by(&mut next, "access-1").send_response(ok());
    assert_eq!(fixture.grant.count(), 1);
}

#[test]
fn of_the_methods_only_idempotent_ones_are_replayed_if_so_wished() {
    for (method, replayed) in [
        (Method::GET, true),
        (Method::PUT, true),
        (Method::DELETE, true),
        (Method::POST, false),
        (Method::PATCH, false),
        (Method::from_bytes(b"PURGE").unwrap(), false),
    ] {
        let mut fixture = Fixture::new();
        let options = BearerOptions::new().replay_idempotent_only();
        let mut call = fixture.refused(with(options, request(method.clone(), ME, "body")));
        assert_eq!(call.poll_until_idle().is_pending(), replayed, "{method}");
    }
}

#[test]
fn each_option_of_a_request_overrides_the_layers_same_option_and_no_other() {
    let defaults = BearerOptions::new().never_replay().max_wait(secs(1));
    let mut fixture = Fixture::new().layered(|layer| layer.options(defaults));
    assert_eq!(status(fixture.refused(get(ME)).poll()), StatusCode::UNAUTHORIZED);
    let mut fixture = Fixture::new().layered(|layer| layer.options(defaults));
    let mut call = fixture.refused(with(BearerOptions::new().replay_all(), get(ME)));
    fixture.succeeds(&mut call, "access-1");
    let mut fixture = Fixture::new().layered(|layer| layer.options(BearerOptions::new().without_token()));
    drop(fixture.call(with(BearerOptions::new().with_token(), get(ME))));
    fixture.received_with("access-0");
}

/// A longer wait must not take the guard off a payment.
#[test]
fn the_options_of_a_request_do_not_undo_the_safety_of_the_layer() {
    let safe = BearerOptions::new().replay_idempotent_only();
    let mut fixture = Fixture::new().layered(|layer| layer.options(safe));
    let mut call = fixture.refused(with(BearerOptions::new().max_wait(secs(30)), request(Method::POST, ME, "pay")));
    assert_eq!(status(call.poll()), StatusCode::UNAUTHORIZED);
    fixture.nothing_received();
}

/// The token lives for 300 s and 60 are over.
#[test]
fn a_long_upload_has_the_token_renewed_first_if_more_than_half_of_it_is_gone() {
    let upload = || with(BearerOptions::new().min_remaining(secs(600)), get(ME));
    let mut fixture = Fixture::new();
    let mut call = fixture.call(upload());
    fixture.sent_by(&mut call, "access-0");
    fixture.time.advance(secs(91));
    let mut call = fixture.call(upload());
    fixture.sent_by(&mut call, "access-1").send_response(ok());
    assert_eq!((status(call.poll()), fixture.grant.count()), (StatusCode::OK, 1));
    // The new one lasts as long as a token can.
    let mut call = fixture.call(upload());
    fixture.sent_by(&mut call, "access-1");
    assert_eq!(fixture.grant.count(), 1);
}

#[test]
fn a_token_that_lasts_long_enough_is_used_although_half_of_it_is_gone() {
    let mut fixture = Fixture::new();
    fixture.time.advance(secs(100));
    let mut call = fixture.call(with(BearerOptions::new().min_remaining(secs(139)), get(ME)));
    fixture.sent_by(&mut call, "access-0");
    assert_eq!(fixture.grant.count(), 0);
}

#[test]
fn while_the_token_is_renewed_for_an_upload_others_use_the_one_there_is() {
    let mut fixture = Fixture::new();
    fixture.time.advance(secs(100));
    fixture.grant.gate().close();
    let mut upload = fixture.waiting(with(BearerOptions::new().min_remaining(secs(600)), get(ME)));
    fixture.succeeds_with("access-0");
    fixture.grant.gate().open();
    fixture.sent_by(&mut upload, "access-1");
    assert_eq!(fixture.grant.count(), 1);
}

#[test]
fn an_upload_uses_what_there_is_if_there_is_no_new_token() {
    let mut fixture = Fixture::new();
    fixture.time.advance(secs(100));
    fixture.grant.push(Step::Fail(GrantError::not_sent("refused")));
    let upload = || with(BearerOptions::new().min_remaining(secs(600)), get(ME));
    let mut call = fixture.call(upload());
    fixture.sent_by(&mut call, "access-0");
    // And the next one does not even ask while the backoff lasts.
    let mut call = fixture.call(upload());
    fixture.sent_by(&mut call, "access-0");
    assert_eq!(fixture.grant.count(), 1);
}

#[test]
fn no_request_waits_for_a_token_longer_than_it_says() {
    let mut fixture = Fixture::expired();
    fixture.grant.gate().close();
    let mut call = fixture.waiting(with(BearerOptions::new().max_wait(secs(3)), get(ME)));
    fixture.time.advance(secs(3));
    assert!(call.is_woken());
    assert_eq!(our_failure(call.poll_until_idle()), ErrorKind::TimedOut);
    drop(call);
    // The flight goes on, and the next request has what it brings.
    fixture.grant.gate().open();
    let mut call = fixture.call(get(ME));
    fixture.sent_by(&mut call, "access-1");
    assert_eq!(fixture.grant.count(), 1);
}

/// Renewing is a wish. "If there is no new one to be had, one that is still good is used."
#[test]
fn a_request_that_wants_a_lasting_token_is_sent_with_a_good_one_when_it_may_wait_no_longer() {
    let mut fixture = Fixture::new();
    fixture.time.advance(secs(180));
    fixture.grant.gate().close();
    let lasting = || with(BearerOptions::new().min_remaining(secs(600)).max_wait(secs(3)), get(ME));
    let mut call = fixture.waiting(lasting());
    fixture.nothing_received();
    fixture.time.advance(secs(3));
    fixture.sent_by(&mut call, "access-0");
    // A good one of its own login.
    let mut call = fixture.waiting(lasting());
    drop(task::spawn(fixture.session.logout()).poll());
    fixture.log_in("other-user", LIFE);
    fixture.time.advance(secs(3));
    assert_eq!(our_failure(call.poll_until_idle()), ErrorKind::SessionChanged);
    fixture.nothing_received();
}

/// What one origin refused is as good as before for others, and the token endpoint does not answer.
#[test]
fn a_request_to_an_origin_that_never_refused_the_token_waits_a_second_for_the_next_one() {
    let mut fixture = Fixture::new();
    fixture.grant.gate().close();
    let _refused = fixture.refused_and_waiting(get(ME));
    let other = format!("{OTHER}/");
    let (mut same, mut first) = (fixture.waiting(get(ME)), fixture.waiting(get(&other)));
    fixture.nothing_received();
    fixture.time.advance(secs(1));
    fixture.sent_by(&mut first, "access-0");
    let mut later = fixture.call(get(&other));
    fixture.sent_by(&mut later, "access-0");
    assert_pending!(same.poll_until_idle());
    fixture.nothing_received();
    fixture.grant.gate().open();
    fixture.sent_by(&mut same, "access-1");
}

#[test]
fn a_request_to_an_origin_that_never_refused_the_token_is_sent_with_the_next_one_if_that_comes_soon() {
    let mut fixture = Fixture::new();
    fixture.grant.gate().close();
    let _refused = fixture.refused_and_waiting(get(ME));
    let mut other = fixture.waiting(get(&format!("{OTHER}/")));
    fixture.time.advance(secs(1) / 2);
    fixture.grant.gate().open();
    fixture.sent_by(&mut other, "access-1");
}

/// What there is lasts for as long as it wants.
#[test]
fn a_request_that_wants_a_lasting_token_waits_a_second_for_what_another_origin_has_refused() {
    let mut fixture = Fixture::new();
    fixture.grant.gate().close();
    let _refused = fixture.refused_and_waiting(get(ME));
    let lasting = with(BearerOptions::new().min_remaining(secs(1)), get(&format!("{OTHER}/")));
    let mut call = fixture.waiting(lasting);
    fixture.nothing_received();
    fixture.time.advance(secs(1));
    fixture.sent_by(&mut call, "access-0");
}

#[test]
fn the_second_for_which_a_request_waits_is_over_after_a_suspend() {
    let mut fixture = Fixture::new();
    fixture.grant.gate().close();
    let _refused = fixture.refused_and_waiting(get(ME));
    let mut other = fixture.waiting(get(&format!("{OTHER}/")));
    fixture.time.suspend(secs(20));
    fixture.sent_by(&mut other, "access-0");
}

/// A program that is polled by a runtime without timers: the work alone decides.
#[test]
fn without_a_timer_no_limit_is_over_at_once() {
    let time = ManualTime::new(7);
    let mut fixture = Fixture::blank(|builder| builder.time(NoTimer(time.clone())));
    fixture.log_in("access-0", LIFE);
    time.advance(LIFE);
    fixture.grant.gate().close();
    let mut call = fixture.waiting(with(BearerOptions::new().max_wait(secs(60)), get(ME)));
    fixture.grant.gate().open();
    fixture.succeeds(&mut call, "access-1");
}

#[test]
fn without_a_timer_the_second_for_which_a_request_waits_is_over_when_it_is_polled() {
    let time = ManualTime::new(7);
    let mut fixture = Fixture::blank(|builder| builder.time(NoTimer(time.clone())));
    fixture.log_in("access-0", LIFE);
    time.advance(secs(60));
    fixture.grant.gate().close();
    let _refused = fixture.refused_and_waiting(get(ME));
    let mut other = fixture.waiting(get(&format!("{OTHER}/")));
    fixture.nothing_received();
    time.advance(secs(1));
    fixture.sent_by(&mut other, "access-0");
}

/// A replay before that would break the server's word.
#[test]
fn without_a_timer_there_is_no_replay_after_the_time_that_a_server_asks_for() {
    let time = ManualTime::new(7);
    let mut fixture = Fixture::blank(|builder| builder.time(NoTimer(time.clone())));
    fixture.log_in("access-0", LIFE);
    time.advance(secs(60));
    let mut answer = challenged(&["Bearer"], TestBody::new());
    answer.headers_mut().insert("grpc-retry-pushback-ms", HeaderValue::from_static("1000"));
    let mut call = fixture.answered_with(answer);
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::NoTimer);
    fixture.nothing_received();
}

/// A clock whose timers panic, as tokio's do outside of a runtime.
#[derive(Clone)]
struct NoTimer(ManualTime);

impl Time for NoTimer {
    fn now(&self) -> Now {
        self.0.now()
    }

    fn sleep(&self, _: Duration) -> Sleep {
        panic!("there is no reactor running")
    }

    fn random(&self) -> u64 {
        Time::random(&self.0)
    }
}

#[test]
fn a_wait_for_a_replay_that_takes_too_long_ends_with_the_refusal() {
    let mut fixture = Fixture::new();
    fixture.grant.gate().close();
    let mut call = fixture.refused_and_waiting(with(BearerOptions::new().max_wait(secs(3)), get(ME)));
    fixture.time.advance(secs(3));
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::TimedOut);
}

/// A limit of two seconds must not keep a server that takes five from being asked again.
#[test]
fn the_servers_own_time_is_not_counted_as_waiting() {
    let mut fixture = Fixture::new();
    let mut call = fixture.call(with(BearerOptions::new().max_wait(secs(3)), get(ME)));
    fixture.time.advance(secs(5));
    fixture.received().1.send_response(challenged(&["Bearer"], TestBody::text("no")));
    fixture.grant.gate().close();
    assert_pending!(call.poll_until_idle());
    fixture.time.advance(secs(2));
    fixture.grant.gate().open();
    assert_pending!(call.poll_until_idle());
    fixture.time.advance(secs(5));
    fixture.received_with("access-1").send_response(ok());
    assert_eq!(status(call.poll_until_idle()), StatusCode::OK);
}

/// What was spent on the first wait is not there for the second.
#[test]
fn all_waits_of_a_request_are_counted_together() {
    let mut fixture = Fixture::blank(|builder| builder);
    fixture.log_in("access-0", secs(1));
    fixture.time.advance(secs(30));
    fixture.grant.gate().close();
    let mut call = fixture.waiting(with(BearerOptions::new().max_wait(secs(3)), get(ME)));
    fixture.time.advance(secs(2));
    fixture.grant.gate().open();
    assert_pending!(call.poll_until_idle());
    fixture.time.advance(secs(60));
    fixture.grant.gate().close();
    fixture.received_with("access-1").send_response(challenged(&["Bearer"], TestBody::text("no")));
    assert_pending!(call.poll_until_idle());
    fixture.time.advance(secs(1));
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::TimedOut);
}

#[test]
fn a_replay_whose_client_is_never_ready_ends_with_the_refusal() {
    let mut fixture = Fixture::new();
    let mut call = fixture.call(with(BearerOptions::new().max_wait(secs(3)), get(ME)));
    fixture.server.allow(0);
    fixture.received().1.send_response(challenged(&["Bearer"], TestBody::text("no")));
    assert_pending!(call.poll_until_idle());
    assert_eq!(fixture.grant.count(), 1);
    fixture.nothing_received();
    fixture.time.advance(secs(3));
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::TimedOut);
}

#[test]
fn a_server_with_habits_of_its_own_can_be_described() {
    let expired =
        |status: StatusCode, headers: &HeaderMap| status == StatusCode::FORBIDDEN && headers.contains_key("x-expired");
    let forbidden = |name: HeaderName, value: &'static str| {
        let mut response = Response::new(TestBody::text("no"));
        *response.status_mut() = StatusCode::FORBIDDEN;
        response.headers_mut().insert(name, HeaderValue::from_static(value));
        response
    };
    let mut fixture = Fixture::new().layered(|layer| layer.refused_when(expired));
    let mut call = fixture.answered_with(forbidden(header::SERVER, "x"));
    assert_eq!(status(call.poll()), StatusCode::FORBIDDEN);
    let mut call = fixture.call(get(ME));
    fixture.received_with("access-0").send_response(forbidden("x-expired".parse().unwrap(), "1"));
    fixture.succeeds(&mut call, "access-1");
    assert_eq!(fixture.grant.count(), 1);
}
