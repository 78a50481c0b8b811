//! The stacks that are counted, all over the same service that answers at once.

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use http_body_util::{Empty, Full};
use tokenflight::{BearerLayer, BearerOptions, Driver, Origins, Session};
use tokenflight_benches::{ORIGIN, set, token};
use tokenflight_test::{ManualTime, MockGrant};
use tower::{
    Layer, Service,
    retry::{Policy, RetryLayer},
};

type Req = Request<Full<Bytes>>;

/// Sends one request; whether it was answered at once.
pub(crate) type Client = Box<dyn FnMut(Req) -> bool>;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Case {
    /// The service alone.
    Nothing,
    /// A header put in by hand.
    Fixed,
    /// `tower::retry`, which copies each request, over that.
    Retry,
    /// The layer, with requests that are never replayed.
    Once,
    /// The layer.
    Bearer,
}

impl Case {
    pub(crate) const NAMES: [&str; 5] = ["nothing", "fixed", "retry", "once", "bearer"];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "nothing" => Self::Nothing,
            "fixed" => Self::Fixed,
            "retry" => Self::Retry,
            "once" => Self::Once,
            "bearer" => Self::Bearer,
            _ => return None,
        })
    }

    pub(crate) fn build(self) -> Client {
        match self {
            Self::Nothing => client(Nothing, None),
            Self::Fixed => client(fixed(), None),
            Self::Retry => client(RetryLayer::new(CopyOnly).layer(fixed()), None),
            Self::Once => bearer(BearerOptions::new().never_replay()),
            Self::Bearer => bearer(BearerOptions::new()),
        }
    }
}

/// The layer with a driver, which watches the clock so that requests need not. The clock is not the machine's: the tool that
/// counts cannot follow a call into the kernel's page.
fn bearer(options: BearerOptions) -> Client {
    let Ok(session) = Session::builder(MockGrant::new()).time(ManualTime::new(1)).build() else {
        panic!("the settings are wrong")
    };
    let login = session.login(set(0)).now_or_never();
    let Ok(origins) = Origins::new([ORIGIN]) else { panic!("the origin is wrong") };
    assert!(matches!(login, Some(Ok(()))), "the login waits");
    let mut driver = Box::pin(session.driver());
    assert!(driver.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    client(BearerLayer::new(session, origins).options(options).layer(Nothing), Some(driver))
}

fn client<S>(mut service: S, driver: Option<Pin<Box<Driver>>>) -> Client
where
    S: Service<Req> + 'static,
{
    Box::new(move |request| {
        let _watching = &driver;
        let mut cx = Context::from_waker(Waker::noop());
        let ready = service.poll_ready(&mut cx).is_ready();
        // Polled where it is, as it would be inside its caller's future.
        let answer = pin!(service.call(request)).poll(&mut cx);
        ready && matches!(answer, Poll::Ready(Ok(_)))
    })
}

/// Answers at once.
#[derive(Clone, Copy, Debug)]
struct Nothing;

impl Service<Req> for Nothing {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        drop(std::hint::black_box(request));
        ready(Ok(Response::new(Empty::new())))
    }
}

/// Puts the same header on each request.
#[derive(Clone, Debug)]
struct Fixed {
    header: HeaderValue,
}

fn fixed() -> Fixed {
    let Ok(mut header) = HeaderValue::try_from(format!("Bearer {}", token(0))) else { panic!("the token is wrong") };
    header.set_sensitive(true);
    Fixed { header }
}

impl Service<Req> for Fixed {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Nothing.poll_ready(cx)
    }

    fn call(&mut self, mut request: Req) -> Self::Future {
        request.headers_mut().insert(AUTHORIZATION, self.header.clone());
        Nothing.call(request)
    }
}

/// Copies each request in case it must be sent again, which it never must.
#[derive(Clone, Copy, Debug)]
struct CopyOnly;

impl<R, E> Policy<Req, R, E> for CopyOnly {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Req, _: &mut Result<R, E>) -> Option<Ready<()>> {
        None
    }

    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }
}
