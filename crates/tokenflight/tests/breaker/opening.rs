//! When it opens, and what that costs whom.

use super::support::*;

#[test]
fn without_a_breaker_every_session_of_a_restored_store_ends() {
    let users = Users::restored(40);
    assert_eq!(users.ask(&users.sessions(|grant| grant)).iter().filter(|asked| asked.is_err()).count(), 40);
    assert_eq!(users.ended(), 40);
}

#[test]
fn of_a_restored_store_no_more_sessions_end_than_the_settings_say_though_all_ask_at_once() {
    let users = Users::restored(40);
    let breaker = Breaker::new(users.time.clone());
    let sessions = users.sessions(|grant| breaker.guard(grant));
    let asked = users.ask(&sessions);
    assert_eq!(users.ended(), 5);
    assert!(matches!(breaker.state(), BreakerState::Open { .. }));
    let ended = |asked: &&Result<String, Error>| asked.as_ref().is_err_and(Error::is_ended);
    assert_eq!(asked.iter().filter(ended).count(), 5);
    for error in asked.iter().filter_map(|asked| asked.as_ref().err()).filter(|error| !error.is_ended()) {
        assert!(error.is_transient() && !error.needs_login(), "{error:?}");
        assert_eq!(error.class(), Some(FailureClass::NotSent));
        assert!(error.retry_after().is_some_and(|after| after > SECOND * 50 && after <= SECOND * 75), "{error:?}");
        let said = Held::of(error).unwrap().to_string();
        assert!(said.contains("5 of 5 sessions") && said.contains("Breaker::lift"), "{said}");
    }
    // They ask again and again, for ten minutes: one a time, after 60, 120 and 240 s.
    for _ in 0..10 {
        users.pass(SECOND * 60);
        users.ask(&sessions);
    }
    assert_eq!(users.ended(), 5 + 3);
}

#[test]
fn of_a_restored_store_no_more_sessions_end_though_they_ask_one_after_the_other() {
    let users = Users::restored(40);
    let breaker = Breaker::new(users.time.clone());
    for session in users.sessions(|grant| breaker.guard(grant)) {
        users.ask(&[session]);
    }
    assert_eq!(users.ended(), 5);
}

/// Two hundred with expired access tokens. The refresh tokens of the second hundred are a backup's.
fn half_restored() -> Users {
    let users = Users::new(200);
    let backup: Vec<_> = (100..200).map(|number| users.model.entry(&key(number))).collect();
    users.time.advance(SECOND * 400);
    assert!(users.ask(&users.sessions(|grant| grant)[100..]).iter().all(Result::is_ok));
    for (number, entry) in (100..200).zip(backup) {
        users.model.set_entry(&key(number), entry);
    }
    users
}

/// A hundred renew one after the other, and live; then the others ask at once.
#[test]
fn of_a_restored_store_no_more_sessions_end_than_the_settings_say_although_others_lived_before() {
    let users = half_restored();
    let breaker = Breaker::new(users.time.clone());
    let sessions = users.sessions(|grant| breaker.guard(grant));
    let (before, after) = sessions.split_at(100);
    for session in before {
        assert!(users.ask(std::slice::from_ref(session)).iter().all(Result::is_ok));
        users.pass(SECOND);
    }
    users.ask(after);
    // One in twenty of those that live opens it: six, if a hundred do.
    assert_eq!(users.ended(), 6);
}

/// Of a hundred that ask at once sixty live, then the server is down. The others ask hours later.
#[test]
fn of_a_restored_store_no_more_sessions_end_than_the_settings_say_after_a_crowd_that_an_outage_cut_short() {
    let users = half_restored();
    let breaker = Breaker::new(users.time.clone());
    let sessions = users.sessions(|grant| breaker.guard(grant));
    let (before, after) = sessions.split_at(100);
    let down = std::iter::repeat_n(Fault::respond(503, ""), 40);
    users.auth.faults().extend(std::iter::repeat_n(Fault::None, 60).chain(down));
    assert_eq!(users.ask(before).iter().filter(|asked| asked.is_ok()).count(), 60);
    users.time.advance(SECOND * 3600 * 6);
    users.ask(after);
    assert_eq!(users.ended(), 5);
}

#[test]
fn a_usable_token_is_served_while_it_is_open() {
    let users = Users::new(10);
    let breaker = opened(&users.time);
    let sessions = users.sessions(|grant| breaker.guard(grant));
    // Inside the lead: a renewal is due, and held back.
    users.time.advance(SECOND * 290);
    assert!(users.ask(&sessions).iter().all(Result::is_ok));
    users.time.advance(SECOND * 20);
    (0..5).for_each(|_| ends(&breaker));
    assert_eq!(users.auth.report().total.token_requests, 0);
}

#[test]
fn a_sessions_own_end_opens_nothing_for_the_others() {
    let time = ManualTime::new(1);
    let breaker = Breaker::new(time.clone());
    for _ in 0..4 {
        ends(&breaker);
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
    // They are forgotten.
    time.advance(SECOND * 340);
    ends(&breaker);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn ends_among_many_sessions_that_live_open_nothing() {
    let breaker = Breaker::new(ManualTime::new(1));
    (0..100).for_each(|_| lives(&breaker));
    (0..5).for_each(|_| ends(&breaker));
    assert_eq!(breaker.state(), BreakerState::Closed);
    // The sixth is more than one in twenty.
    ends(&breaker);
    assert!(matches!(breaker.state(), BreakerState::Open { .. }));
}

#[test]
fn failures_that_end_no_session_open_nothing() {
    let breaker = Breaker::new(ManualTime::new(1));
    let classes = [
        FailureClass::NotSent,
        FailureClass::Throttled,
        FailureClass::Ambiguous,
        FailureClass::Config,
        FailureClass::Interaction,
    ];
    for class in classes.into_iter().cycle().take(50) {
        present(&breaker, move || Err(GrantError::new(class)));
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn what_presents_no_refresh_token_and_revocations_pass() {
    let breaker = opened(&ManualTime::new(1));
    let guarded = breaker.guard(grant_fn(|_: TokenRequest| async { tokens() }));
    assert!(guarded.request(&TokenRequest::new(None, Reason::Due)).now_or_never().unwrap().is_ok());
    assert!(guarded.revoke(&RefreshToken::new("refresh")).now_or_never().unwrap().is_ok());
    assert!(guarded.request(&request()).now_or_never().unwrap().is_err());
}

#[test]
fn settings_below_their_least_values_hold_back_nothing_for_ever() {
    let mut settings = Settings::default();
    (settings.ends, settings.one_in) = (0, 0);
    (settings.window, settings.wait) = (Duration::ZERO, Duration::ZERO);
    let time = ManualTime::new(1);
    let breaker = Breaker::with(time.clone(), settings);
    lives(&breaker);
    ends(&breaker);
    assert_eq!(breaker.state(), BreakerState::Closed, "one of two is less than one in one");
    time.advance(SECOND);
    ends(&breaker);
    assert_eq!(breaker.state(), BreakerState::Open { next: SECOND });
    time.advance(SECOND);
    lives(&breaker);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn ends_that_outlive_what_lived_beside_them_leave_room_for_one() {
    let time = ManualTime::new(1);
    let breaker = Breaker::new(time.clone());
    (0..100).for_each(|_| lives(&breaker));
    time.advance(SECOND * 200);
    (0..5).for_each(|_| ends(&breaker));
    time.advance(SECOND * 100);
    lives(&breaker);
    ends(&breaker);
    assert!(matches!(breaker.state(), BreakerState::Open { .. }));
}
