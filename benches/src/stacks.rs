//! One request through stacks of services, all over the same service that answers at once.

use std::{future::Ready, pin::pin};

use http::header::AUTHORIZATION;
use tower::retry::{Policy, Retry};

use crate::{nothing::Nothing, prelude::*};

/// A stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
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
    /// The layer, its service cloned for each request, as is usual with tower.
    Cloned,
    /// The layer, for another origin.
    Unlisted,
}

impl Stack {
    /// All, by their names.
    pub const ALL: [(&'static str, Self); 7] = [
        ("nothing", Self::Nothing),
        ("fixed", Self::Fixed),
        ("retry", Self::Retry),
        ("once", Self::Once),
        ("bearer", Self::Bearer),
        ("cloned", Self::Cloned),
        ("unlisted", Self::Unlisted),
    ];

    /// Builds it.
    pub fn build(self) -> Client {
        match self {
            Self::Nothing => Client::new(Nothing, None),
            Self::Fixed => Client::new(Fixed::over(Nothing), None),
            Self::Retry => Client::new(retry(Nothing), None),
            Self::Once => bearer(BearerOptions::new().never_replay()),
            Self::Bearer => bearer(BearerOptions::new()),
            Self::Cloned => {
                let (session, driver) = parts::driven();
                Client::new(Cloned::of(parts::client(&session, BearerOptions::new())), Some(driver))
            }
            Self::Unlisted => {
                let (session, driver) = parts::driven();
                let layer = parts::layer(&session, "https://other.example.com");
                Client::new(layer.layer(Nothing), Some(driver))
            }
        }
    }
}

fn bearer(options: BearerOptions) -> Client {
    let (session, driver) = parts::driven();
    Client::new(parts::client(&session, options), Some(driver))
}

/// A stack that sends one request at a time.
pub struct Client {
    send: Box<dyn FnMut(Req) -> bool>,
    /// Watches the clock as long as it lives.
    _driver: Option<Pin<Box<Driver>>>,
}

impl Client {
    fn new<S: Service<Req> + 'static>(mut service: S, driver: Option<Pin<Box<Driver>>>) -> Self {
        let send = Box::new(move |request| {
            let mut cx = Context::from_waker(Waker::noop());
            let ready = service.poll_ready(&mut cx).is_ready();
            // Polled where it is, as it would be inside its caller's future.
            let answer = pin!(service.call(request)).poll(&mut cx);
            ready && matches!(answer, Poll::Ready(Ok(_)))
        });
        Self { send, _driver: driver }
    }

    /// Sends a request; whether it was answered at once.
    pub fn send(&mut self, request: Req) -> bool {
        (self.send)(request)
    }
}

/// Clones the service for each request.
#[derive(Clone, Debug)]
pub struct Cloned<S>(S);

impl<S> Cloned<S> {
    /// Of this service.
    pub const fn of(service: S) -> Self {
        Self(service)
    }
}

impl<S: Service<Req> + Clone> Service<Req> for Cloned<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let mut service = self.0.clone();
        assert!(service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
        service.call(request)
    }
}

/// Puts the same header on each request.
#[derive(Clone, Debug)]
pub struct Fixed<S> {
    inner: S,
    header: HeaderValue,
}

impl<S> Fixed<S> {
    /// Over this service.
    pub fn over(inner: S) -> Self {
        Self { inner, header: parts::header(0) }
    }
}

impl<S: Service<Req>> Service<Req> for Fixed<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Req) -> Self::Future {
        request.headers_mut().insert(AUTHORIZATION, self.header.clone());
        self.inner.call(request)
    }
}

/// A fixed header, and a copy of each request in case it must be sent again.
pub fn retry<S: Clone>(inner: S) -> Retry<CopyOnly, Fixed<S>> {
    tower::retry::RetryLayer::new(CopyOnly).layer(Fixed::over(inner))
}

/// Copies each request, and never sends one again.
#[derive(Clone, Copy, Debug)]
pub struct CopyOnly;

impl<R, E> Policy<Req, R, E> for CopyOnly {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Req, _: &mut Result<R, E>) -> Option<Ready<()>> {
        None
    }

    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }
}
