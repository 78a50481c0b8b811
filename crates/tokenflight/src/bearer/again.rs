//! May a refused request be sent again, and what has to come first?

use std::{
    future::{Future, poll_fn},
    mem,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::future::try_join;
use http::{Request, Response};
use http_body::Body;
use tokenflight_core::Error;

use super::{
    BearerBody, Choice, NoToken, Replay,
    call::{KeptRequest, Shared},
    challenge::Meaning,
    limit::Limit,
    origin::Listed,
    refusal::{self, Reaction},
    sent::Sent,
};
use crate::{
    flights::carrying,
    session::{Ask, Obtained},
    slot::Inner,
    sync::Arc,
    telemetry::{self, Signal, Timer},
    time::Deadline,
};

/// How long the rest of a body is waited for that is to be sent again, and of which only the size
/// is known; unless the caller says how long its request may be held.
const REST_TIME: Duration = Duration::from_secs(10);

/// What a refused request is sent again from.
pub(super) struct Again<'a, C, T> {
    kept: &'a mut KeptRequest<C>,
    /// Pending while the rest of it is to be read.
    body: Poll<T>,
    /// Until when the server wants it to wait.
    resume: Option<Pin<Box<Deadline>>>,
    /// Whether there is a newer token already.
    at_once: bool,
}

impl<C, T> Again<'_, C, T> {
    pub(super) const fn limit(&mut self) -> &mut Limit {
        &mut self.kept.head.limit
    }

    pub(super) fn rebuild(&self, body: T, origin: Option<&Listed>) -> Request<T> {
        self.kept.head.rebuild(body, origin)
    }
}

/// What the refused request is sent again from, if it may be and there may be a newer token; if
/// not, the refusal says why. The token is known to be refused from here on, so that the next
/// request has another one.
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
    // Another layer around the same client has sent none.
    refusal.extensions_mut().remove::<NoToken>();
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
    let again = pause.zip(kept).and_then(|(pause, kept)| {
        // What is not ready is polled again at once.
        let body = shared.settings.replay.poll_again(&mut kept.body, &mut Context::from_waker(Waker::noop()));
        let body = match body {
            Poll::Ready(body) => Poll::Ready(body?),
            Poll::Pending => Poll::Pending,
        };
        let resume = (!pause.is_zero()).then(|| Box::pin(Deadline::after(Arc::clone(&session.parts.time), pause)));
        Some(Again { kept, body, resume, at_once: false })
    });
    let refused = sent.refused(replays);
    let newer = session.refused(if again.is_some() { refused } else { refused.returned() });
    tell(Meaning::Refresh, telemetry::Replay::judged(newer.as_ref().err(), pause.is_some(), again.is_some()));
    match newer {
        Ok(at_once) => again.map(|again| Again { at_once, ..again }),
        Err(error) => {
            refusal.extensions_mut().insert(error);
            None
        }
    }
}

/// A newer token, and the body to be sent with it; nothing if that did not come to its end.
/// Meanwhile the rest of the request's body is read, and as much of the refusal's body as is worth
/// keeping.
///
/// # Errors
///
/// There is no newer token, or not in time.
// An `async fn` would keep its arguments twice, and there may be very many who wait.
#[expect(clippy::manual_async_fn)]
pub(super) fn renewed<'a, K, B, R>(
    replay: &'a K,
    session: &'a Arc<Inner>,
    refusal: &'a mut Response<BearerBody<R>>,
    mut newer: Ask,
    again: &'a mut Again<'_, K::Kept, K::Body>,
) -> impl Future<Output = Result<Option<(K::Body, Obtained)>, Error>> + Send
where
    K: Replay<B>,
    R: Body<Data: Send, Error: Send> + Send + 'static,
{
    async move {
        // No local repeats what an argument holds: locals that live across an await make the future
        // larger.
        let at_once = again.at_once;
        // The refusal is let go of before anything is waited for: it may hold what the refresh or
        // the replay needs.
        let left = refusal.body_mut().let_go();
        let mut reading = left.map(|(body, kept)| Box::pin(kept.read(body, Arc::clone(&session.parts.time))));
        let rest = again.body.is_pending().then(|| {
            let rest = poll_fn(|cx| replay.poll_again(&mut again.kept.body, cx));
            let longest = again.kept.head.limit.of_caller().map_or(REST_TIME, |_| Duration::MAX);
            let rest = Deadline::after(Arc::clone(&session.parts.time), longest).limit(rest);
            Box::pin(async {
                again.body = Poll::Ready(rest.await.ok().flatten().ok_or(None)?);
                Ok(())
            })
        });
        let whole = async { if let Some(rest) = rest { rest.await } else { Ok(()) } };
        again.kept.head.shrink();
        let timer = session.parts.timer();
        let newer = async { session.obtain(&mut newer).await.map_err(Some) };
        // What there will not be is not waited for: without the one, the other is of no use.
        let obtained = {
            let waited = {
                let waits = pin!(try_join(newer, whole));
                let waits = pin!(again.kept.head.limit.within(&session.parts.time, waits));
                carrying(&mut reading, waits).await
            };
            // The request is not held for the refusal's body, so it is not what the caller limits.
            if let (Ok(_), Some(reading)) = (&waited, reading) {
                reading.await;
            }
            match waited {
                Ok(Ok((obtained, ()))) => Ok(obtained),
                Ok(Err(None)) => return Ok(None),
                Ok(Err(Some(error))) | Err(error) => Err(error),
            }
        };
        let mut obtained = if at_once && obtained.is_ok() { obtained? } else { tell_waited(session, timer, obtained)? };
        if let Some(resume) = &mut again.resume {
            again.kept.head.limit.within(&session.parts.time, carrying(&mut obtained.1, resume)).await??;
        }
        let Poll::Ready(body) = mem::replace(&mut again.body, Poll::Pending) else { return Ok(None) };
        Ok(Some((body, obtained)))
    }
}

// A function, and no closure: what a closure borrows, a future keeps to the end.

/// Tells how a wait has ended.
pub(super) fn tell_waited<T>(session: &Inner, timer: Timer, obtained: Result<T, Error>) -> Result<T, Error> {
    session.parts.signal(|| Signal::waited(session.parts.since(timer), obtained.as_ref().err()));
    obtained
}
