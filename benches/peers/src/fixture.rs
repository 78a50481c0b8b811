//! The runtime that peers are set up in.

use std::{
    future::Future,
    io,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use tokio::runtime::{Builder, EnterGuard, Runtime};

/// A runtime with one thread, idle between calls: it runs only while something is waited for.
#[derive(Clone, Debug)]
pub struct Fixture(Arc<Runtime>);

impl Fixture {
    /// A new one.
    pub fn new() -> io::Result<Self> {
        choose_crypto();
        Ok(Self(Arc::new(Builder::new_current_thread().enable_all().build()?)))
    }

    /// Lets timers and tasks be made, by this thread, until the guard is dropped.
    pub fn enter(&self) -> EnterGuard<'_> {
        self.0.enter()
    }

    pub(crate) fn wait<F: Future>(&self, future: F) -> F::Output {
        self.0.block_on(future)
    }
}

/// Some clients ask for it when they are built, though nothing here uses TLS.
pub(crate) fn choose_crypto() {
    // It can be chosen once.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// What a future that need not wait has to say, polled where it is, as it would be in its caller's.
pub(crate) fn at_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
