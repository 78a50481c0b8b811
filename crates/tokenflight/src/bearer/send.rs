//! Sending a request that has waited, or is sent again.

use std::{
    future::Future,
    pin::{Pin, pin},
};

use futures_util::FutureExt;
use http::{Request, Response, header::AUTHORIZATION};
use tokenflight_core::{BoxError, Error};
use tokenflight_machine::OriginId;

use super::{Choice, CloneService, HttpService, call::Shared, limit::Limit, readiness::ready, sent::Sent};
use crate::{
    flights::{Carries, carrying},
    session::Obtained,
};

/// A response, and which token its request had.
pub(super) type Sending<R> = Result<(Response<R>, Sent), Failure>;

/// Why there is no response.
pub(super) enum Failure {
    Ours(Error),
    Inner(BoxError),
}

/// Readies a service of its own, because the one that was ready for the caller went back; attaches
/// what is current then, and sends. In a box of its own, which waiters need not make room for.
pub(super) fn send<S, K, T, P>(
    shared: &Shared<S, K, P>,
    mut request: Request<T>,
    (token, mut beside): Obtained,
    origin: OriginId,
    chosen: &P::Chosen,
    limit: &mut Limit,
) -> Pin<Box<impl Future<Output = Sending<S::ResponseBody>> + Send>>
where
    S: HttpService<T> + CloneService,
    K: Send + Sync,
    T: Send + 'static,
    P: Choice,
{
    Box::pin(async move {
        let session = shared.session(chosen);
        let time = &session.parts.time;
        let ready = pin!(async {
            let mut service = shared.template.cloned().await;
            ready(&mut service, session).await.map(|()| service)
        });
        let ready = limit.within(time, pin!(carrying(&mut beside, ready))).await.map_err(Failure::Ours)?;
        let mut service = ready.map_err(|error| Failure::Inner(error.into()))?;
        let token = session.newest_of(token, origin).map_err(Failure::Ours)?;
        shared.settings.choice.confirm(chosen, request.extensions()).map_err(Failure::Ours)?;
        limit.shrink(request.headers_mut(), &**time).map_err(Failure::Ours)?;
        request.headers_mut().insert(AUTHORIZATION, token.header().clone());
        let sent = Sent::with(&token, origin);
        let response = answer_beside(pin!(service.call(request)), beside).await;
        let response = response.map_err(|error| Failure::Inner(error.into()))?;
        Ok((response, sent))
    })
}

/// Waits for an answer, and keeps moving beside it what perhaps no other task does.
pub(super) async fn answer_beside<F: Future>(answer: Pin<&mut F>, mut beside: Option<Box<Carries>>) -> F::Output {
    let answer = carrying(&mut beside, answer).await;
    // However fast the answer, what flies beside it is moved on by each request.
    let _ = beside.and_then(FutureExt::now_or_never);
    answer
}
