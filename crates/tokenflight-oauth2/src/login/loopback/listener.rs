use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Poll, ready},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    time::Sleep,
};

use super::{connections::Connections, request::Place};
use crate::login::{Callback, CodeLogin, LoginError};

/// A port of this machine that a browser is sent back to (RFC 8252 §7.3).
#[derive(Debug)]
pub struct Loopback {
    listener: TcpListener,
    place: Place,
}

/// A system that is out of descriptors gets time to close some.
const REST: Duration = Duration::from_millis(100);
/// So many failures in a row are no accident.
const FAILURES: u32 = 100;

impl Loopback {
    pub(super) fn new(listener: TcpListener, host: Option<&str>, path: String) -> io::Result<Self> {
        let place = Place::new(listener.local_addr()?, host, path);
        Ok(Self { listener, place })
    }

    /// The redirect URI to register: `http://127.0.0.1:{port}/callback`.
    #[must_use]
    pub fn redirect_uri(&self) -> String {
        self.place.redirect_uri()
    }

    /// Waits for the browser. Requests with another state are sent away, and the waiting goes on. A
    /// refusal that names no state ends it: servers forget the state when they refuse, and
    /// [`CodeLogin::finish`] tells what was said.
    ///
    /// # Errors
    ///
    /// When the port fails for good.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the port. Put a limit around it: a user may never come back.
    pub async fn answer(self, login: &CodeLogin) -> Result<Callback, LoginError> {
        let mut open = Connections::default();
        let mut failures = 0;
        let mut rest: Option<Pin<Box<Sleep>>> = None;
        loop {
            let next = poll_fn(|cx| {
                if let Poll::Ready(callback) = open.poll(cx) {
                    return Poll::Ready(Next::Answer(callback));
                }
                if let Some(sleep) = &mut rest {
                    ready!(sleep.as_mut().poll(cx));
                    rest = None;
                }
                self.listener.poll_accept(cx).map(|accepted| Next::Connection(accepted.map(|(stream, _)| stream)))
            });
            match next.await {
                Next::Answer(callback) => return Ok(callback),
                Next::Connection(Ok(stream)) => {
                    failures = 0;
                    open.push(stream, &self.place, login);
                }
                // A connection that was given up, or no descriptor left: neither says anything
                // about the login.
                Next::Connection(Err(error)) => {
                    failures += 1;
                    if failures > FAILURES {
                        return Err(error.into());
                    }
                    // The port runs on tokio, and there is no session whose clock could be asked.
                    #[allow(clippy::disallowed_methods)]
                    let sleep = tokio::time::sleep(REST);
                    rest = Some(Box::pin(sleep));
                }
            }
        }
    }
}

enum Next {
    Answer(Callback),
    Connection(io::Result<TcpStream>),
}
