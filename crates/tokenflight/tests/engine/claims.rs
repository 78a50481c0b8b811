//! The claim, and the store's answers.

use super::support::*;

/// Sent after its claim has run out, a request would make two processes present one refresh token.
#[test]
fn a_flight_that_was_left_alone_does_not_send_without_its_lease() {
    let (time, model) = (ManualTime::new(1), ModelStore::new());
    let auth = AuthServer::builder(time.shared()).access_lifetime(SECOND * 3600).build();
    // Connects, then sends: what a function over any HTTP client does.
    let (clock, server) = (time.clone(), auth.clone());
    let grant = grant_fn(move |request: TokenRequest| {
        let (time, auth) = (clock.clone(), server.clone());
        async move {
            Time::sleep(&time, Duration::from_millis(30)).await;
            auth.answer(request.refresh_token().unwrap().expose()).result()
        }
    });
    let session_x = session(time.clone(), grant, model.clone());
    time.run(session_x.login(auth.login_as("alice"))).unwrap();
    let session_y = session(time.clone(), auth.grant(), model.clone());
    time.run(session_y.token()).unwrap();
    // A caller gives its refresh up after the first step: the claim is taken, nothing is sent yet.
    time.advance(SECOND * 3580);
    assert!(session_x.refresh().now_or_never().is_none());
    assert!(session_x.state().refreshing);
    // Three minutes later the other process needs a token, and then X has its next request.
    time.advance(SECOND * 180);
    time.run(session_y.token()).unwrap();
    let _ = time.run(session_x.token());
    auth.assert_unharmed();
}

/// A half-open connection. For ever it would mean no refresh, no login, no shutdown.
#[test]
fn a_write_that_never_answers_is_given_up_at_some_time() {
    let (time, model, store) = watched();
    let session = expired(&time, MockGrant::new(), store.clone());
    store.push(OpKind::Commit, Trouble::HangAfter);
    time.run(session.token()).unwrap();
    assert_eq!(stored(&model), "refresh-1");
    let mut last = None;
    for _ in 0..24 {
        time.advance(SECOND * 3600);
        last = Some(time.run(session.token()));
    }
    let login = time.run(session.login(set("new")));
    assert!(last.as_ref().unwrap().is_ok() && login.is_ok(), "a day later: {last:?}; {login:?}");
}

/// The answer to a claim is lost, and the claim that is stored is the session's own.
#[test]
fn a_lost_answer_does_not_lock_a_session_out_by_itself() {
    for trouble in [Trouble::FailAfter, Trouble::HangAfter] {
        let (time, _model, store) = watched();
        let session = expired(&time, MockGrant::new(), store.clone());
        store.push(OpKind::Claim, trouble);
        let _ = time.run(session.token());
        time.advance(SECOND * 3);
        let began = time.now().boot;
        time.run(session.token()).unwrap();
        let took = time.now().boot - began;
        assert!(took < SECOND * 15, "{trouble:?}: the next token took {took:?}");
    }
}

/// The store contract says so, of every kind of write: of one that was dropped an effect may still
/// come when no task expects it.
#[test]
fn the_future_of_a_write_is_not_dropped_before_it_has_settled() {
    let mut dropped = Vec::new();
    for kind in [OpKind::Claim, OpKind::End, OpKind::Settle] {
        let (time, store, grant) = (ManualTime::new(1), MockStore::new(), MockGrant::new());
        let session = expired(&time, grant.clone(), store.clone());
        match kind {
            OpKind::End => grant.push(Step::Fail(GrantError::terminal("invalid_grant"))),
            OpKind::Settle => grant.push(Step::Fail(GrantError::not_sent("the network is down"))),
            _ => {}
        }
        store.push(kind, Trouble::Hang);
        let _ = time.run(session.token());
        let op = store.log().into_iter().find(|op| op.kind == kind).unwrap();
        if op.fate == Fate::Dropped {
            dropped.push(kind);
        }
    }
    assert!(dropped.is_empty(), "{dropped:?}");
}

/// The server refuses a refresh token that another process has used meanwhile, and the store fails
/// to say so: a good token is stored.
#[test]
fn a_session_does_not_end_before_the_store_has_confirmed_it() {
    let (time, model, store) = watched();
    let (clock, behind) = (time.clone(), model.clone());
    let grant = grant_fn(move |_: TokenRequest| {
        let entry = behind.entry(&key()).unwrap();
        let next = StoredTokens::from_set(&set("other"), clock.now().wall, None);
        let presented = entry.tokens().unwrap().refresh.clone();
        let (epoch, login, over) = (entry.epoch, entry.login, entry.set);
        elsewhere(&behind, clock.now(), Body::Commit { epoch, login, over, presented, next });
        ready(Err(GrantError::terminal("invalid_grant")))
    });
    let session = expired(&time, grant, store.clone());
    store.push(OpKind::End, Trouble::Fail);
    let _ = time.run(session.token());
    time.advance(SECOND * 60);
    let token = time.run(session.token());
    assert!(token.as_ref().is_ok_and(|token| token.header() == "Bearer access-other"), "{token:?}");
}

/// What keeps two sessions apart is [`Time::random`], which "need not be secure; it spreads load".
#[test]
fn the_lease_excludes_whatever_chance_there_is() {
    let (time, model) = (ManualTime::new(1), ModelStore::new());
    let auth = AuthServer::builder(time.shared()).access_lifetime(SECOND * 300).latency(SECOND..=SECOND).build();
    let build = || session(Dull(time.clone(), 4), auth.grant(), model.clone());
    let (session_x, session_y) = (build(), build());
    time.run(session_x.login(auth.login_as("alice"))).unwrap();
    time.run(session_y.token()).unwrap();
    time.advance(SECOND * 301);
    let _ = time.run(join(session_x.token(), session_y.token()));
    auth.report().assert_no_double_submit();
}

/// The wall clock is set forward while a request is out. The holder of the claim lives in the same
/// process, and on the same boot clock.
#[test]
fn the_lease_excludes_whatever_the_wall_clock_does() {
    let (time, store) = (ManualTime::new(1), MemoryStore::new());
    let auth =
        AuthServer::builder(time.shared()).access_lifetime(SECOND * 300).latency(SECOND * 2..=SECOND * 2).build();
    let build = || session(time.clone(), auth.grant(), store.clone());
    let (session_x, session_y) = (build(), build());
    time.run(session_x.login(auth.login_as("alice"))).unwrap();
    time.run(session_y.token()).unwrap();
    time.advance(SECOND * 301);
    let mut first = Box::pin(session_x.token());
    assert!(poll(&mut first).is_pending());
    time.step_wall_forward(SECOND * 120);
    let _ = time.run(join(first, session_y.token()));
    auth.report().assert_no_double_submit();
}

/// Every answer takes six seconds, of the ten each may take.
#[test]
fn a_store_that_answers_within_its_limit_is_fast_enough() {
    let (time, grant) = (ManualTime::new(1), MockGrant::new());
    let slow = time.clone();
    let store = Before(ModelStore::new(), move |_| Time::sleep(&slow, SECOND * 6));
    let session = session(time.clone(), grant.clone(), store);
    time.run(session.login(set("0"))).unwrap();
    let mut last = None;
    for _ in 0..10 {
        time.advance(SECOND * 400);
        last = Some(time.run(session.token()));
        if last.as_ref().unwrap().is_ok() {
            return;
        }
    }
    panic!("ten times in an hour: {last:?}; {} token requests", grant.count());
}

/// The builder's refusal of a claim's margin.
fn refused_margin(margin: Duration) -> String {
    let builder = Session::builder(MockGrant::new()).time(ManualTime::new(1));
    let error = builder.configure(|policy| policy.claim_margin = margin).build().unwrap_err();
    std::error::Error::source(&error).unwrap().to_string()
}

/// A margin of zero would leave no time to get to the request: nothing could ever be refreshed.
#[test]
fn a_margin_that_leaves_no_time_is_refused_by_name() {
    assert!(refused_margin(Duration::ZERO).contains("`claim_margin`"));
    assert!(refused_margin(SECOND * 12).contains("`store_limit`"), "less than the store's answer may take");
}

/// An endless margin would be a claim for ever.
#[test]
fn a_margin_without_an_end_is_refused_by_name() {
    assert!(refused_margin(Duration::MAX).contains("`claim_margin`"));
}

/// Two sessions over one [`CallbackStore`]: one of them has a refresh that no task moves on, in the
/// middle of a save. The other one gets a token all the same.
#[test]
fn a_flight_that_stands_still_does_not_hold_the_store() {
    let (time, gate) = (ManualTime::new(1), Gate::new());
    let kept: Arc<Mutex<Option<Blob>>> = Arc::default();
    let (from, to, slow) = (Arc::clone(&kept), kept, gate.clone());
    let load = move |_| ready(Ok(from.lock().unwrap().clone()));
    let save = move |_, record| {
        let (to, slow) = (Arc::clone(&to), slow.clone());
        async move {
            slow.pass().await;
            *to.lock().unwrap() = Some(record);
            Ok(())
        }
    };
    let store = CallbackStore::new(load, save);
    let session_x = session(time.clone(), MockGrant::new(), store.clone());
    let session_y = session(time.clone(), MockGrant::new(), store);
    time.run(session_x.login(set("0"))).unwrap();
    time.run(session_y.token()).unwrap();
    // A caller of X gives its refresh up after the first step; X has no other request for a while.
    time.advance(SECOND * 280);
    gate.close();
    assert!(session_x.refresh().now_or_never().is_none());
    gate.open();
    let mut last = None;
    for _ in 0..20 {
        time.advance(SECOND * 60);
        last = Some(time.run(session_y.token()));
    }
    assert!(last.as_ref().unwrap().is_ok(), "twenty minutes later: {last:?}");
}

/// A request within the lead starts a renewal and moves it one step: it has the claim, and no task
/// polls it. Requests of other processes, whose token has expired, must not wait for that claim.
#[test]
fn a_renewal_that_stands_still_does_not_hold_up_other_processes() {
    let (time, model) = (ManualTime::new(1), ModelStore::new());
    let slow = time.clone();
    let grant = grant_fn(move |_: TokenRequest| {
        let time = slow.clone();
        async move {
            Time::sleep(&time, Duration::from_millis(30)).await;
            Ok(set("new"))
        }
    });
    let session_x = session(time.clone(), grant, model.clone());
    time.run(session_x.login(set("0"))).unwrap();
    let session_y = session(time.clone(), MockGrant::new(), model);
    time.run(session_y.token()).unwrap();
    time.advance(SECOND * 290);
    time.run(session_x.token()).unwrap();
    time.advance(SECOND * 15);
    let began = time.now().boot;
    let token = time.run(session_y.token());
    let took = time.now().boot - began;
    assert!(took < SECOND * 15, "{took:?}: {token:?}");
}

/// The server tells one process to come again in an hour, and answers the next one at once. The
/// first process uses the token that the other one has stored, and leaves the server alone.
#[test]
fn a_process_that_is_told_to_wait_uses_what_another_one_has_obtained() {
    let (time, model) = (ManualTime::new(1), ModelStore::new());
    let auth = AuthServer::builder(time.shared()).build();
    let (mine, other) = (MockGrant::new(), session(time.clone(), auth.grant(), model.clone()));
    mine.push(Err(GrantError::throttled(Some(SECOND * 3600))));
    let told = session(time.clone(), mine.clone(), model.clone());
    time.run(other.login(auth.login_as("alice"))).unwrap();
    time.advance(SECOND * 7200);
    assert!(time.run(told.token()).is_err());
    time.run(other.token()).unwrap();
    assert!(time.run(told.token()).is_err(), "the store was read just now");
    time.advance(SECOND);
    assert_eq!(time.run(told.token()).unwrap().access(), time.run(other.token()).unwrap().access());
    assert_eq!(mine.count(), 1);
    auth.assert_unharmed();
}
