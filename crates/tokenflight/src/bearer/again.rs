//! May a refused request be sent again, and what has to come first?

use std::{
    future::poll_fn,
    mem,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::future::{OptionFuture, join3};
use http::{Request, Response};
use http_body::Body;
use tokenflight_core::Error;

use super::{
    BearerBody, Choice, Replay,
    call::{KeptRequest, Shared},
    challenge::Meaning,
    limit::Limit,
    refusal::{self, Reaction},
    send::carrying,
    sent::Sent,
};
use crate::{
    flights::Carry,
    session::Token,
    slot::Inner,
    sync::Arc,
    telemetry::{self, Signal, Timer},
    time::Deadline,
};

/// How long the rest of a body is waited for that is to be sent again, and of which only the size is known; unless the caller
/// says how long its request may be held.
const REST_TIME: Duration = Duration::from_secs(10);

/// What a refused request is sent again from.
pub(super) struct Again<'a, C, T> {
    kept: &'a mut KeptRequest<C>,
    /// Pending while the rest of it is to be read.
    body: Poll<T>,
    /// How long the server wants it to wait.
    pause: Duration,
}

impl<C, T> Again<'_, C, T> {
    pub(super) const fn limit(&mut self) -> &mut Limit {
        &mut self.kept.copied.limit
    }
}

/// What the refused request is sent again from, if it may be and there may be a newer token; if not, the refusal says why. The
/// token is known to be refused from here on, so that the next request has another one.
pub(super) fn judge<'a, S, K, B, P, R>(
    shared: &Shared<S, K, P>,
    session: &Arc<Inner>,
    refusal: &mut Response<BearerBody<R>>,
    sent: Sent,
    replays: u8,
    kept: Option<&'a mut KeptRequest<K::Kept>>,
) -> Option<Again<'a, K::Kept, K::Body>>
where
    K: Replay<B>,
    P: Choice,
    R: Body,
{
    let trigger = refusal::trigger(refusal.status(), refusal.headers());
    let tell = |meaning, replay| session.parts.signal(|| Signal::refused(trigger, meaning, sent.generation, replay));
    let pause = match refusal::reaction(refusal, &shared.settings.also_refused) {
        Reaction::None(challenge) => {
            tell(challenge.meaning(), telemetry::Replay::Unwanted);
            refusal.extensions_mut().insert(challenge);
            return None;
        }
        Reaction::Refresh => None,
        Reaction::Replay(pause) => Some(pause),
    };
    let hopeless = sent.note(session, replays);
    let again = pause.zip(kept).and_then(|(pause, kept)| {
        // What is not ready is polled again at once.
        let body = shared.settings.replay.poll_again(&mut kept.body, &mut Context::from_waker(Waker::noop()));
        let body = match body {
            Poll::Ready(body) => Poll::Ready(body?),
            Poll::Pending => Poll::Pending,
        };
        Some(Again { kept, body, pause })
    });
    tell(Meaning::Refresh, telemetry::Replay::judged(hopeless.as_ref(), pause.is_some(), again.is_some()));
    if let Some(error) = hopeless {
        refusal.extensions_mut().insert(error);
        return None;
    }
    again
}

/// A newer token, and the request to be sent with it; nothing if its body did not come to its end. Meanwhile the rest of that
/// is read, and what the refusal's body is worth keeping.
///
/// # Errors
///
/// There is no newer token, or not in time.
pub(super) async fn renewed<S, K, B, P, R>(
    shared: &Shared<S, K, P>,
    session: &Arc<Inner>,
    refusal: &mut Response<BearerBody<R>>,
    sent: Sent,
    replays: u8,
    again: &mut Again<'_, K::Kept, K::Body>,
) -> Result<Option<(Request<K::Body>, (Token, Option<Box<Carry>>))>, Error>
where
    S: Send,
    K: Replay<B>,
    P: Choice,
    R: Body<Data: Send, Error: Send> + Send + 'static,
{
    let time = &session.parts.time;
    let Again { kept: KeptRequest { copied, body: source }, body, pause } = again;
    let resume = (!pause.is_zero()).then(|| Box::pin(Deadline::after(Arc::clone(time), *pause)));
    // The refusal is let go of before anything is waited for: it may hold what the refresh or the replay needs.
    let left = refusal.body_mut().let_go();
    let reading = left.map(|(body, kept)| Box::pin(kept.read(body, Arc::clone(time))));
    let rest = body.is_pending().then(|| {
        let rest = poll_fn(|cx| shared.settings.replay.poll_again(source, cx));
        let longest = copied.limit.of_caller().map_or(REST_TIME, |_| Duration::MAX);
        Box::pin(Deadline::after(Arc::clone(time), longest).limit(rest))
    });
    copied.head.shrink();
    let newer = session.obtain(sent.refused(replays));
    let waits = join3(newer, OptionFuture::from(reading), OptionFuture::from(rest));
    let timer = session.parts.timer();
    let waited = copied.limit.within(time, pin!(waits)).await;
    let waited = waited.and_then(|(obtained, _, rest)| Ok((obtained?, rest)));
    let (mut obtained, rest) = tell_waited(session, timer, waited)?;
    let body = match (mem::replace(body, Poll::Pending), rest) {
        (Poll::Ready(body), _) | (Poll::Pending, Some(Ok(Some(body)))) => body,
        _ => return Ok(None),
    };
    if let Some(resume) = resume {
        copied.limit.within(time, carrying(&mut obtained.1, resume)).await??;
    }
    Ok(Some((copied.head.rebuild(body, shared.settings.rules.origins.of_id(sent.origin)), obtained)))
}

// A function, and no closure: what a closure borrows, a future keeps to the end.

/// Tells how a wait has ended.
pub(super) fn tell_waited<T>(session: &Inner, timer: Timer, obtained: Result<T, Error>) -> Result<T, Error> {
    session.parts.signal(|| Signal::waited(session.parts.since(timer), obtained.as_ref().err()));
    obtained
}
