//! The cold path: wait for a token, send, judge, replay. Read it from top to bottom.

use std::{future::Future, pin::pin};

use http::{Request, Response};
use http_body::Body;
use tokenflight_core::{BoxError, Error};
use tokenflight_machine::OriginId;

use super::{
    BearerBody, Choice, CloneService, HttpService, Replay, Resend,
    again::{judge, renewed, tell_waited},
    call::{KeptRequest, Shared},
    limit::Limit,
    refusal,
    send::{Failure, send},
    sent::Sent,
};
use crate::{
    session::Ask,
    slot::Inner,
    sync::Arc,
    telemetry::{Replayed, Signal, Trigger},
};

type Answer<R> = Result<Response<BearerBody<R>>, BoxError>;

/// A request without a token yet, to this origin: what it asks for, and how long it may be held.
///
/// # Cancel safety
///
/// At every await point it holds the request and, while it sends, one service of its own; never a
/// lock, never a flight.
// An `async fn` would keep its arguments twice, and there may be very many who wait. What is needed
// seldom is boxed.
#[expect(clippy::manual_async_fn)]
pub(super) fn waiting<S, K, B, P>(
    shared: Arc<Shared<S, K, P>>,
    request: Request<B>,
    origin: OriginId,
    chosen: P::Chosen,
    mut ask: Ask,
    mut limit: Limit,
) -> impl Future<Output = Answer<S::ResponseBody>> + Send
where
    S: HttpService<K::Body> + CloneService,
    K: Replay<B>,
    B: Send + 'static,
    P: Choice,
{
    async move {
        let session = shared.session(&chosen);
        let time = &session.parts.time;
        let timer = session.parts.timer();
        let waited = limit.within(time, pin!(session.obtain(&mut ask))).await;
        let obtained = waited.unwrap_or_else(|late| match session.make_do(&ask) {
            Some(token) => Ok((token, None)),
            None => Err(late),
        });
        let obtained = tell_waited(session, timer, obtained)?;
        let (request, mut kept) = shared.keep(request, &chosen);
        let (response, sent) = match send(&shared, request, obtained, origin, &chosen, &mut limit).await {
            Ok(answered) => answered,
            Err(Failure::Ours(error)) => return Err(error.into()),
            Err(Failure::Inner(error)) => return Err(error),
        };
        let also = &shared.settings.also_refused;
        let refusal = match BearerBody::passed(response, also, session, sent) {
            Ok(response) => return Ok(response),
            Err(refusal) => refusal,
        };
        if let Some(kept) = &mut kept {
            // All its waits are counted together.
            kept.head.limit = limit;
        }
        Box::pin(refused(Arc::clone(&shared), refusal, sent, kept, chosen.clone())).await
    }
}

/// A request that was sent and refused, and what is kept of it unless it is not to be sent again.
/// Cancel safe as [`waiting`].
// Not an `async fn`, as above.
pub(super) fn refused<S, K, B, P>(
    shared: Arc<Shared<S, K, P>>,
    refusal: Response<S::ResponseBody>,
    mut sent: Sent,
    mut kept: Option<KeptRequest<K::Kept>>,
    chosen: P::Chosen,
) -> impl Future<Output = Answer<S::ResponseBody>> + Send
where
    S: HttpService<K::Body> + CloneService,
    K: Replay<B>,
    P: Choice,
{
    let mut refusal = refusal.map(BearerBody::whole);
    async move {
        let mut replays = 0;
        loop {
            let trigger = refusal::trigger(refusal.status(), refusal.headers());
            let count = u8::saturating_add(replays, 1);
            let Some(mut again) = judge(&shared, shared.session(&chosen), &mut refusal, sent, replays, kept.as_mut())
            else {
                return Ok(refusal);
            };
            let newer = Ask::refused(sent.refused(replays));
            // In one expression, so that the future keeps no room for the request while it awaits
            // the answer.
            let sending = match renewed(
                &shared.settings.replay,
                shared.session(&chosen),
                &mut refusal,
                newer,
                &mut again,
            )
            .await
            {
                Ok(Some((body, obtained))) => {
                    replays = count;
                    let mut request = again.rebuild(body, shared.settings.rules.origins.of_id(sent.origin));
                    Resend::count_on(request.extensions_mut(), count);
                    send(&shared, request, obtained, sent.origin, &chosen, again.limit())
                }
                Ok(None) => {
                    tell_replayed(shared.session(&chosen), count, trigger, Replayed::Failed);
                    return Ok(BearerBody::handed_on(refusal));
                }
                Err(error) => return Ok(given_up(refusal, error)),
            };
            let (response, next) = match sending.await {
                Ok(answered) => answered,
                Err(failure) => {
                    tell_replayed(shared.session(&chosen), count, trigger, Replayed::Failed);
                    return match failure {
                        Failure::Ours(error) => Ok(given_up(refusal, error)),
                        Failure::Inner(error) => Err(error),
                    };
                }
            };
            match BearerBody::passed(response, &shared.settings.also_refused, shared.session(&chosen), next) {
                Ok(mut response) => {
                    tell_replayed(shared.session(&chosen), count, trigger, Replayed::Accepted);
                    response.body_mut().accepted(shared.session(&chosen), sent.origin);
                    return Ok(response);
                }
                Err(another) => {
                    tell_replayed(shared.session(&chosen), count, trigger, Replayed::Refused);
                    (refusal, sent) = (another.map(BearerBody::whole), next);
                }
            }
        }
    }
}

// A function, and no closure: what a closure borrows, a future keeps to the end.

/// Tells what became of a request that was to be sent again.
fn tell_replayed(session: &Inner, count: u8, trigger: Trigger, outcome: Replayed) {
    session.parts.signal(|| Signal::Replayed { count, trigger, outcome });
}

/// The refusal, with the reason why there is no better answer.
fn given_up<R: Body + 'static>(mut refusal: Response<BearerBody<R>>, reason: Error) -> Response<BearerBody<R>> {
    refusal.extensions_mut().insert(reason);
    BearerBody::handed_on(refusal)
}
