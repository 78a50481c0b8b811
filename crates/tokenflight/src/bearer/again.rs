//! May a refused request be sent again, and what has to come first?

use std::{
    future::{Future, poll_fn},
    mem,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::future::{OptionFuture, join, try_join};
use http::{Request, Response};
use http_body::Body;
use tokenflight_core::Error;

use super::{
    BearerBody, Choice, Replay,
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

/// How long the rest of a body is waited for that is to be sent again, and of which only the size is known; unless the caller
/// says how long its request may be held.
const REST_TIME: Duration = Duration::from_secs(10);

/// What a refused request is sent again from.
pub(super) struct Again<'a, C, T> {
    kept: &'a mut KeptRequest<C>,
    /// Pending while the rest of it is to be read.
    body: Poll<T>,
    /// Until when the server wants it to wait.
    resume: Option<Pin<Box<Deadline>>>,
}

impl<C, T> Again<'_, C, T> {
    pub(super) const fn limit(&mut self) -> &mut Limit {
        &mut self.kept.head.limit
    }

    /// The request to this origin, with this body.
    pub(super) fn rebuild(&self, body: T, origin: Option<&Listed>) -> Request<T> {
        self.kept.head.rebuild(body, origin)
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
    let again = pause.zip(kept).and_then(|(pause, kept)| {
        // What is not ready is polled again at once.
        let body = shared.settings.replay.poll_again(&mut kept.body, &mut Context::from_waker(Waker::noop()));
        let body = match body {
            Poll::Ready(body) => Poll::Ready(body?),
            Poll::Pending => Poll::Pending,
        };
        let resume = (!pause.is_zero()).then(|| Box::pin(Deadline::after(Arc::clone(&session.parts.time), pause)));
        Some(Again { kept, body, resume })
    });
    let refused = sent.refused(replays);
    let hopeless = session.refused(if again.is_some() { refused } else { refused.returned() });
    tell(Meaning::Refresh, telemetry::Replay::judged(hopeless.as_ref(), pause.is_some(), again.is_some()));
    if let Some(error) = hopeless {
        refusal.extensions_mut().insert(error);
        return None;
    }
    again
}

/// A newer token, and the body to be sent with it; nothing if that did not come to its end. Meanwhile the rest of it is read, and
/// what the refusal's body is worth keeping.
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
        let time = &session.parts.time;
        let Again { kept: KeptRequest { head, body: source }, body, resume } = again;
        // The refusal is let go of before anything is waited for: it may hold what the refresh or the replay needs.
        let left = refusal.body_mut().let_go();
        let reading = left.map(|(body, kept)| Box::pin(kept.read(body, Arc::clone(time))));
        let rest = body.is_pending().then(|| {
            let rest = poll_fn(|cx| replay.poll_again(source, cx));
            let longest = head.limit.of_caller().map_or(REST_TIME, |_| Duration::MAX);
            let rest = Deadline::after(Arc::clone(time), longest).limit(rest);
            Box::pin(async {
                *body = Poll::Ready(rest.await.ok().flatten().ok_or(None)?);
                Ok(())
            })
        });
        let whole = async { if let Some(rest) = rest { rest.await } else { Ok(()) } };
        head.shrink();
        let newer = async { session.obtain(&mut newer).await.map_err(Some) };
        // What there will not be is not waited for: without the one, the other is of no use.
        let waits = join(OptionFuture::from(reading), try_join(newer, whole));
        let timer = session.parts.timer();
        let waited = match head.limit.within(time, pin!(waits)).await {
            Ok((_, Ok((obtained, ())))) => Ok(obtained),
            Ok((_, Err(None))) => return Ok(None),
            Ok((_, Err(Some(error)))) | Err(error) => Err(error),
        };
        let mut obtained = tell_waited(session, timer, waited)?;
        if let Some(resume) = resume {
            head.limit.within(time, carrying(&mut obtained.1, resume)).await??;
        }
        let Poll::Ready(body) = mem::replace(body, Poll::Pending) else { return Ok(None) };
        Ok(Some((body, obtained)))
    }
}

// A function, and no closure: what a closure borrows, a future keeps to the end.

/// Tells how a wait has ended.
pub(super) fn tell_waited<T>(session: &Inner, timer: Timer, obtained: Result<T, Error>) -> Result<T, Error> {
    session.parts.signal(|| Signal::waited(session.parts.since(timer), obtained.as_ref().err()));
    obtained
}
