//! What becomes of requests: waits, refusals, replays.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http::HeaderValue;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use tokenflight::BearerOptions;

use crate::fixture::*;

const REFUSED: [&str; 6] =
    ["session", "http.response.status_code", "rpc.grpc.status_code", "meaning", "generation", "replay"];
const REPLAYED: [&str; 4] = ["session", "http.request.resend_count", "trigger", "outcome"];

/// The case that this is all for: a refusal, the refresh it starts, the wait, the replay.
#[test]
fn a_401_can_be_followed_to_its_replay() {
    let fixture = Fixture::new();
    let (recorder, status) =
        Recorder::during(|| info_span!("GET /orders").in_scope(|| fixture.call([unauthorized(), ok()]).unwrap()));
    assert_eq!(status, 200);
    let story: Vec<_> = recorder.names().into_iter().filter(|name| *name != "store.operation").collect();
    assert_eq!(story, ["request.refused", "refreshed", "token.wait", "request.replayed"]);

    let refused = recorder.one("request.refused");
    assert_eq!((refused.level(), recorder.parent(&refused)), (Level::DEBUG, Some("GET /orders")));
    assert_eq!(refused.says(REFUSED), ["orders", "401", "", "refresh", "1", "yes"]);

    let span = &recorder.refreshes()[0];
    assert_eq!((span.says(["reason", "outcome"]), span.follows.as_slice()), (["refused", "ok"], &["GET /orders"][..]));

    let waited = recorder.one("token.wait");
    assert_eq!((waited.level(), recorder.parent(&waited)), (Level::DEBUG, Some("GET /orders")));
    assert_eq!(waited.says(["session", "outcome", "error.type"]), ["orders", "token", ""]);

    let replayed = recorder.one("request.replayed");
    assert_eq!((replayed.level(), recorder.parent(&replayed)), (Level::DEBUG, Some("GET /orders")));
    assert_eq!(replayed.says(REPLAYED), ["orders", "1", "http_401", "accepted"]);
}

#[test]
fn a_request_that_is_answered_at_once_tells_nothing() {
    let fixture = Fixture::new();
    let (recorder, _) = Recorder::during(|| fixture.call([ok()]).unwrap());
    assert!(recorder.names().is_empty() && recorder.refreshes().is_empty());
}

#[test]
fn a_wait_says_how_long_it_was_and_how_it_ended() {
    let wait = ["waited_ms", "outcome", "error.type"];
    let fixture = Fixture::expired();
    fixture.grant.push(Step::HangSent);
    let layer = BearerLayer::new(fixture.session.clone(), Origins::new([API]).unwrap())
        .options(BearerOptions::new().max_wait(SECOND * 2));
    let api = layer.layer(fixture.api([]));
    let (recorder, answer) = Recorder::during(|| fixture.run(api.oneshot(get())));
    assert!(answer.is_err());
    assert_eq!(recorder.one("token.wait").says(wait), ["2000", "timed_out", "timed_out"]);

    let fixture = Fixture::expired();
    fixture.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    let (recorder, answer) = Recorder::during(|| fixture.call([ok()]));
    assert!(answer.is_err());
    assert_eq!(recorder.one("token.wait").says(wait), ["0", "error", "invalid_grant"]);

    let fixture = Fixture::expired();
    let (recorder, _) = Recorder::during(|| fixture.call([ok()]).unwrap());
    assert_eq!(recorder.one("token.wait").says(wait), ["0", "token", ""]);
}

/// What the server asks for, and what is done about it.
#[test]
fn a_refusal_says_what_it_asks_for() {
    let challenges = [
        (r#"Bearer error="insufficient_user_authentication""#, "insufficient_authentication"),
        (r#"Bearer error="insufficient_claims", claims="e30""#, "claims_required"),
        (r#"Bearer error="insufficient_scope""#, "insufficient_scope"),
        (r#"Bearer error="invalid_request""#, "invalid_request"),
        (r#"Basic realm="private""#, "other_scheme"),
        (r#"Bearer error="token_access-0_is_bad""#, "unknown_error"),
    ];
    for (challenge, meaning) in challenges {
        let fixture = Fixture::new();
        let (recorder, _) = Recorder::during(|| fixture.call([refused(challenge)]).unwrap());
        assert_eq!(recorder.names(), ["request.refused"]);
        let told = recorder.one("request.refused");
        assert_eq!(told.says(REFUSED), ["orders", "401", "", meaning, "1", "unwanted"]);
    }
}

#[test]
fn a_refusal_says_why_its_request_is_not_sent_again() {
    let replay = |recorder: &Recorder| recorder.one("request.refused").get("tokenflight.replay").to_owned();

    // Its token was obtained a moment ago: another one would be refused as well.
    let fixture = Fixture::new();
    fixture.run(fixture.session.refresh()).unwrap();
    let (recorder, _) = Recorder::during(|| fixture.call([unauthorized()]).unwrap());
    assert_eq!(replay(&recorder), "no_token");

    let fixture = Fixture::new();
    let layer = BearerLayer::new(fixture.session.clone(), Origins::new([API]).unwrap())
        .options(BearerOptions::new().never_replay());
    let api = layer.layer(fixture.api([unauthorized()]));
    let (recorder, _) = Recorder::during(|| fixture.run(api.oneshot(get())).unwrap());
    assert_eq!(replay(&recorder), "no_body");

    let fixture = Fixture::new();
    let (recorder, _) = Recorder::during(|| fixture.call([unauthorized(), unauthorized()]).unwrap());
    let told: Vec<_> = recorder.events("request.refused");
    let told: Vec<_> = told.iter().map(|told| told.says(["generation", "replay"])).collect();
    assert_eq!(told, [["1", "yes"], ["2", "bound"]]);
    assert_eq!(recorder.one("request.replayed").says(REPLAYED), ["orders", "1", "http_401", "refused"]);
}

#[test]
fn a_replay_that_gets_no_answer_says_so() {
    let fixture = Fixture::new();
    let (recorder, answer) = Recorder::during(|| fixture.call([unauthorized()]));
    assert!(answer.is_err());
    assert_eq!(recorder.one("request.replayed").says(REPLAYED), ["orders", "1", "http_401", "failed"]);
}

#[test]
fn a_refused_grpc_call_is_told_by_its_own_status() {
    let fixture = Fixture::new();
    let (recorder, _) = Recorder::during(|| fixture.call([unauthenticated(HeaderMap::new()), ok()]).unwrap());
    let told = recorder.one("request.refused");
    assert_eq!(told.says(REFUSED), ["orders", "", "16", "refresh", "1", "yes"]);
    assert_eq!(recorder.one("request.replayed").says(REPLAYED), ["orders", "1", "grpc_16", "accepted"]);

    // The server does not want it again.
    let fixture = Fixture::new();
    let pushback = HeaderMap::from_iter([("grpc-retry-pushback-ms".parse().unwrap(), HeaderValue::from_static("-1"))]);
    let (recorder, _) = Recorder::during(|| fixture.call([unauthenticated(pushback)]).unwrap());
    assert_eq!(recorder.one("request.refused").says(REFUSED), ["orders", "", "16", "refresh", "1", "unwanted"]);
}

#[test]
fn a_call_that_is_refused_in_its_trailers_is_told() {
    let fixture = Fixture::new();
    let layer = BearerLayer::new(fixture.session.clone(), Origins::new([API]).unwrap());
    let api = layer.layer(service_fn(|_: Req| async {
        let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("16"))]);
        let frame = Ok::<_, BoxError>(Frame::<Bytes>::trailers(trailers));
        let body = StreamBody::new(futures_util::stream::iter([frame]));
        Ok::<_, BoxError>(Response::builder().header("content-type", "application/grpc").body(body).unwrap())
    }));
    let (recorder, _) = Recorder::during(|| {
        let response = fixture.run(api.oneshot(get())).unwrap();
        fixture.run(response.into_body().collect()).unwrap()
    });
    let told = recorder.one("request.refused");
    assert_eq!(told.says(REFUSED), ["orders", "", "16", "refresh", "1", "too_late"]);
}

/// A server of the user's with habits of its own.
#[test]
fn a_refusal_by_the_users_own_rule_is_told_by_its_status() {
    let fixture = Fixture::new();
    let layer =
        BearerLayer::new(fixture.session.clone(), Origins::new([API]).unwrap()).refused_when(|status, _| status == 419);
    let refusal = || Response::builder().status(419).header(WWW_AUTHENTICATE, "Bearer").body(Full::default()).unwrap();
    let api = layer.layer(fixture.api([refusal(), refusal()]));
    let (recorder, _) = Recorder::during(|| fixture.run(api.oneshot(get())).unwrap());
    let told = recorder.events("request.refused");
    assert_eq!(told[0].says(REFUSED), ["orders", "419", "", "refresh", "1", "yes"]);
    assert_eq!(recorder.one("request.replayed").says(REPLAYED), ["orders", "1", "http_other", "refused"]);
}

/// With the option for all requests of a client, each of them asks.
#[test]
fn a_request_that_wants_a_token_that_lasts_and_finds_it_tells_nothing() {
    let fixture = Fixture::new();
    let layer = BearerLayer::new(fixture.session.clone(), Origins::new([API]).unwrap())
        .options(BearerOptions::new().min_remaining(SECOND));
    let api = layer.layer(fixture.api([ok()]));
    let (recorder, _) = Recorder::during(|| fixture.run(api.oneshot(get())).unwrap());
    assert!(recorder.names().is_empty(), "{:?}", recorder.names());
}

/// The next token came while it was under way.
#[test]
fn a_late_refusal_that_waits_for_nothing_is_no_wait() {
    let fixture = Fixture::new();
    let answers = Arc::new(Mutex::new(VecDeque::from([unauthorized(), ok()])));
    let session = fixture.session.clone();
    let layer = BearerLayer::new(fixture.session.clone(), Origins::new([API]).unwrap());
    let api = layer.layer(service_fn(move |_: Req| {
        let (answer, session) = (answers.lock().unwrap().pop_front().unwrap(), session.clone());
        async move {
            if answer.status() == 401 {
                session.refresh().await?;
            }
            Ok::<_, BoxError>(answer)
        }
    }));
    let (recorder, _) = Recorder::during(|| fixture.run(api.oneshot(get())).unwrap());
    assert!(recorder.events("token.wait").is_empty(), "{:?}", recorder.names());
    assert_eq!(recorder.one("request.replayed").says(REPLAYED), ["orders", "1", "http_401", "accepted"]);
}

/// Its body was to be read on, and broke off.
#[test]
fn a_request_that_cannot_be_sent_again_after_all_says_so() {
    let fixture = Fixture::new();
    let layer = BearerLayer::new(fixture.session.clone(), Origins::new([API]).unwrap()).replay_with(UnsyncBoxBody::new);
    let api =
        layer.layer(service_fn(|_: Request<UnsyncBoxBody<Bytes, BoxError>>| ready(Ok::<_, BoxError>(unauthorized()))));
    let request = Request::post(API).body(BreaksOff { waits: 5 }).unwrap();
    let (recorder, _) = Recorder::during(|| fixture.run(api.oneshot(request)).unwrap());
    assert_eq!(recorder.one("request.refused").says(["replay"]), ["yes"]);
    assert_eq!(recorder.one("request.replayed").says(REPLAYED), ["orders", "1", "http_401", "failed"]);
}

/// A body that states its size and does not come to its end.
struct BreaksOff {
    waits: u8,
}

impl Body for BreaksOff {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(left) = self.waits.checked_sub(1) else { return Poll::Ready(Some(Err("broken".into()))) };
        self.waits = left;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(10)
    }
}
