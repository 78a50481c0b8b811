//! Which transport errors prove that a request was not processed. Everything else is unknown.

use std::{error::Error as StdError, fmt, io, iter::successors};

use tokenflight_core::GrantError;

use crate::BoxError;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Broken {
    /// Nothing of the request was processed, and it is proved.
    Unsent(BoxError),
    /// The server itself gave the request back unprocessed: the same again, once.
    GivenBack(BoxError),
    /// A proxy on the way wants credentials.
    Proxy(BoxError),
    /// The TLS handshake failed.
    Tls(BoxError),
    /// It is unknown whether the request was processed.
    Lost(BoxError),
}

impl Broken {
    pub(crate) fn into_source(self) -> BoxError {
        match self {
            Self::Unsent(error)
            | Self::GivenBack(error)
            | Self::Proxy(error)
            | Self::Tls(error)
            | Self::Lost(error) => error,
        }
    }
}

impl From<Broken> for GrantError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Unsent(error) | Broken::GivenBack(error) | Broken::Tls(error) => Self::not_sent(error),
            Broken::Proxy(error) => Self::config(error),
            Broken::Lost(error) => Self::ambiguous(error),
        }
    }
}

/// Says of an error whether it proves that nothing of the request was processed.
pub(crate) type Proof = fn(&(dyn StdError + 'static)) -> bool;

/// An error with a promise: nothing of the request was processed. For clients and middleware that
/// know it, such as one whose connector failed or whose queue was full.
///
/// ```
/// use tokenflight_oauth2::Unsent;
///
/// let refused = std::io::Error::other("no route");
/// let error = Unsent::new(refused);
/// assert_eq!(error.to_string(), "the request was not sent");
/// ```
#[derive(Debug)]
pub struct Unsent(BoxError);

impl Unsent {
    /// Makes the promise.
    pub fn new(error: impl Into<BoxError>) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request was not sent")
    }
}

impl StdError for Unsent {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}

pub(super) fn judge(error: BoxError, users: Option<Proof>) -> Broken {
    let any = |test: fn(&(dyn StdError + 'static)) -> bool| chain(&*error).any(test);
    if any(given_back) {
        Broken::GivenBack(error)
    } else if any(proxy_wants_credentials) {
        Broken::Proxy(error)
    } else if any(connecting) && any(tls) {
        Broken::Tls(error)
    } else if any(connecting) || any(unsent) || users.is_some_and(|proves| chain(&*error).any(proves)) {
        Broken::Unsent(error)
    } else {
        Broken::Lost(error)
    }
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    /// Longer chains are a cycle.
    const MOST: usize = 32;
    successors(Some(error), |&error| below(error)).take(MOST)
}

/// The next error: what an `io::Error` carries is an error itself; its `source` is the one below.
fn below<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

fn unsent(error: &(dyn StdError + 'static)) -> bool {
    // A connection is refused only before it exists. Other kinds also come after a request.
    error.is::<Unsent>()
        || error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// hyper-util says so of everything up to and including the TLS handshake.
#[cfg(any(feature = "client", feature = "login"))]
fn connecting(error: &(dyn StdError + 'static)) -> bool {
    error.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(hyper_util::client::legacy::Error::is_connect)
}

#[cfg(not(any(feature = "client", feature = "login")))]
fn connecting(_: &(dyn StdError + 'static)) -> bool {
    false
}

#[cfg(feature = "client")]
fn tls(error: &(dyn StdError + 'static)) -> bool {
    error.is::<rustls::Error>()
}

#[cfg(not(feature = "client"))]
fn tls(_: &(dyn StdError + 'static)) -> bool {
    false
}

/// hyper-util's tunnel has no type to ask; a test holds the wording.
fn proxy_wants_credentials(error: &(dyn StdError + 'static)) -> bool {
    error.to_string() == "tunnel error: proxy authorization required"
}

/// REFUSED_STREAM, or a GOAWAY whose last stream is below this one: not processed (RFC 9113 §8.7).
///
/// h2 ends a stream by a GOAWAY without an error code only if it lies above the last one that the
/// server will process.
#[cfg(feature = "http2")]
fn given_back(error: &(dyn StdError + 'static)) -> bool {
    error.downcast_ref::<h2::Error>().is_some_and(|error| {
        let reason = error.reason();
        error.is_remote()
            && (reason == Some(h2::Reason::REFUSED_STREAM)
                || (error.is_go_away() && reason == Some(h2::Reason::NO_ERROR)))
    })
}

#[cfg(not(feature = "http2"))]
fn given_back(_: &(dyn StdError + 'static)) -> bool {
    false
}
