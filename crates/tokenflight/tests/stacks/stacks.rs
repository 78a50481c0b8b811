//! The stacks: what stands around the layer, and what stands below it.

use std::future::Ready;

use tokenflight::BearerBody;
use tower::{
    balance::p2c::Balance,
    discover::ServiceList,
    limit::RateLimit,
    load::{CompleteOnResponse, PendingRequests},
    retry::{Policy, RetryLayer},
    util::BoxCloneSyncService,
};

use crate::fixture::*;

type Client = BoxCloneSyncService<Req, StatusCode, BoxError>;

pub(crate) struct Stack {
    pub(crate) name: &'static str,
    pub(crate) build: fn(&Fixture) -> Client,
    /// Whether it turns calls away when it is busy.
    pub(crate) sheds: bool,
}

const fn stack(name: &'static str, build: fn(&Fixture) -> Client) -> Stack {
    Stack { name, build, sheds: false }
}

pub(crate) const STACKS: [Stack; 11] = [
    stack("limit below", |fixture| {
        boxed(ServiceBuilder::new().layer(fixture.layer()).service(fixture.limited.clone()))
    }),
    stack("buffer of one below", |fixture| {
        boxed(ServiceBuilder::new().layer(fixture.layer()).buffer(1).service(fixture.limited.clone()))
    }),
    stack("timeout below", |fixture| {
        boxed(ServiceBuilder::new().layer(fixture.layer()).timeout(SECOND).service(fixture.limited.clone()))
    }),
    stack("buffer, rate limit below", |fixture| {
        let slow = RateLimit::new(fixture.limited.clone(), tower::limit::rate::Rate::new(1, TICK));
        boxed(ServiceBuilder::new().layer(fixture.layer()).buffer(1).service(slow))
    }),
    Stack {
        name: "load shed below",
        build: |fixture| {
            boxed(ServiceBuilder::new().layer(fixture.layer()).load_shed().service(fixture.limited.clone()))
        },
        sheds: true,
    },
    stack("buffer, balance below", |fixture| {
        // Two servers without a limit: a balancer keeps those ready that it does not use, and with
        // them their permits.
        let one = || PendingRequests::new(fixture.server.clone(), CompleteOnResponse::default());
        let balance = Balance::new(ServiceList::new::<Req>([one(), one()]));
        boxed(ServiceBuilder::new().layer(fixture.layer()).buffer(8).service(balance))
    }),
    stack("limit around", |fixture| {
        boxed(ServiceBuilder::new().concurrency_limit(1).layer(fixture.layer()).service(fixture.limited.clone()))
    }),
    stack("buffer of one around", |fixture| {
        boxed(ServiceBuilder::new().buffer(1).layer(fixture.layer()).service(fixture.limited.clone()))
    }),
    stack("timeout around", |fixture| {
        boxed(ServiceBuilder::new().timeout(SECOND).layer(fixture.layer()).service(fixture.limited.clone()))
    }),
    stack("retry around", |fixture| retrying(fixture, StatusCode::SERVICE_UNAVAILABLE)),
    stack("retry, timeout, buffer around; timeout, buffer below", |fixture| {
        let around = ServiceBuilder::new().layer(again(StatusCode::SERVICE_UNAVAILABLE)).timeout(SECOND).buffer(1);
        boxed(around.layer(fixture.layer()).timeout(SECOND).buffer(1).service(fixture.limited.clone()))
    }),
];

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(5);

/// A retry layer on this status around the layer.
pub(crate) fn retrying(fixture: &Fixture, status: StatusCode) -> Client {
    boxed(ServiceBuilder::new().layer(again(status)).layer(fixture.layer()).service(fixture.limited.clone()))
}

fn boxed<S, R>(client: S) -> Client
where
    S: Service<Req, Response = Response<R>, Error: Into<BoxError>, Future: Send + 'static>
        + Clone
        + Send
        + Sync
        + 'static,
{
    BoxCloneSyncService::new(client.map_response(|response| response.status()).map_err(Into::into))
}

const fn again(status: StatusCode) -> RetryLayer<Again> {
    RetryLayer::new(Again { status, left: 3 })
}

/// Tries again up to three times if the answer has this status.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Again {
    status: StatusCode,
    left: u8,
}

impl Policy<Req, Response<BearerBody<Full<Bytes>>>, BoxError> for Again {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut Req,
        result: &mut Result<Response<BearerBody<Full<Bytes>>>, BoxError>,
    ) -> Option<Ready<()>> {
        let hit = result.as_ref().is_ok_and(|response| response.status() == self.status);
        self.left = self.left.checked_sub(1).filter(|_| hit)?;
        Some(std::future::ready(()))
    }

    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }
}
