//! What all requests look like, whatever type a peer has for them.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;

use crate::Error;

/// Where requests go. Peers that know only their own server have it replace the host.
pub(crate) const URL: &str = "https://api.example.com/v1/things?page=2";

/// How the next request is made: half of the header values, the body and its bytes are its own.
#[derive(Clone, Debug)]
pub struct Recipe {
    names: Vec<HeaderName>,
    number: usize,
}

/// A header value before it has a type.
pub(crate) enum Value {
    Fixed(&'static str),
    Own(String),
}

impl Recipe {
    /// For requests with so many headers.
    pub fn new(headers: usize) -> Result<Self, Error> {
        let names = (0..headers).map(|n| HeaderName::try_from(format!("x-header-{n}"))).collect::<Result<_, _>>()?;
        Ok(Self { names, number: 0 })
    }

    /// Goes on to the next request.
    pub fn advance(&mut self) {
        self.number += 1;
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = (&HeaderName, Value)> {
        self.names.iter().enumerate().map(|(index, name)| {
            let own = || Value::Own(format!("a value of its own {}", self.number % 10));
            (name, if index % 2 == 0 { Value::Fixed("a value of common size") } else { own() })
        })
    }

    pub(crate) fn fill(&self, headers: &mut HeaderMap) {
        for (name, value) in self.headers() {
            let value = match value {
                Value::Fixed(value) => HeaderValue::from_static(value),
                // Copied out, as most callers do.
                Value::Own(value) => HeaderValue::from_str(&value).unwrap_or_else(|_| HeaderValue::from_static("")),
            };
            headers.insert(name.clone(), value);
        }
    }

    pub(crate) fn body() -> Bytes {
        Bytes::from(vec![b'x'; 128])
    }

    pub(crate) fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(Self::body()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static(URL);
        self.fill(request.headers_mut());
        request
    }
}
