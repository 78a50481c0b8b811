//! The flat copy of a request's head, from which a replay is built.
//!
//! Cloning a `HeaderMap` costs 205–260 instructions and often an allocation for each header; writing names and values one
//! after another into one pooled buffer costs 85 and none. The map is built again only for a replay. The copy is made
//! before the token is put in, so it never holds the token.

use std::{cell::RefCell, time::Duration};

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, request::Parts};
use zeroize::Zeroize;

use super::grpc;
use crate::sync::thread_local;

/// Buffers kept for reuse by one thread, and how large they may be.
const POOLED: usize = 16;
const POOLED_BYTES: usize = 16 * 1024;

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A request's head, kept for a replay.
#[derive(Debug)]
pub(super) struct Head {
    method: Method,
    version: Version,
    extensions: Extensions,
    /// The `grpc-timeout`: met while the headers are copied anyway.
    timeout: Option<Duration>,
    flat: Flat,
}

/// URI and headers: lengths and texts in turn.
struct Flat(Vec<u8>);

/// Marks a value as sensitive in the upper bit of its length.
const SENSITIVE: u32 = 1 << 31;

impl Head {
    /// Copies the head. `None` if a part of it is larger than any sane one (2 GiB).
    pub(super) fn of(head: &Parts) -> Option<Self> {
        let mut flat = Flat::new();
        let mut timeout = None;
        flat.put_uri(&head.uri)?;
        for (name, value) in &head.headers {
            if *name == grpc::TIMEOUT {
                timeout = grpc::timeout(value);
            }
            flat.put(name.as_str().as_bytes(), 0)?;
            flat.put(value.as_bytes(), if value.is_sensitive() { SENSITIVE } else { 0 })?;
        }
        Some(Self {
            method: head.method.clone(),
            version: head.version,
            extensions: head.extensions.clone(),
            timeout,
            flat,
        })
    }

    /// The request's `grpc-timeout`.
    pub(super) const fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Builds the request again with this body; the token is attached later.
    pub(super) fn rebuild<B>(&self, body: B) -> Request<B> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.version_mut() = self.version;
        *request.extensions_mut() = self.extensions.clone();
        let mut fields = Fields(&self.flat.0);
        if let Some(uri) = fields.uri() {
            *request.uri_mut() = uri;
        }
        fields.headers(request.headers_mut());
        request
    }
}

impl Flat {
    fn new() -> Self {
        let pooled = POOL.with(|pool| pool.try_borrow_mut().ok().and_then(|mut pool| pool.pop()));
        Self(pooled.unwrap_or_else(|| Vec::with_capacity(512)))
    }

    fn put(&mut self, text: &[u8], mark: u32) -> Option<()> {
        let length = u32::try_from(text.len()).ok().filter(|length| *length < SENSITIVE)?;
        self.0.extend_from_slice(&(length | mark).to_le_bytes());
        self.0.extend_from_slice(text);
        Some(())
    }

    fn put_uri(&mut self, uri: &Uri) -> Option<()> {
        self.put(uri.scheme_str().unwrap_or_default().as_bytes(), 0)?;
        self.put(uri.authority().map(http::uri::Authority::as_str).unwrap_or_default().as_bytes(), 0)?;
        self.put(uri.path_and_query().map(http::uri::PathAndQuery::as_str).unwrap_or_default().as_bytes(), 0)
    }
}

/// The caller's own headers may be secrets too (cookies, API keys): cleared before the next request sees the buffer.
impl Drop for Flat {
    fn drop(&mut self) {
        let mut buffer = std::mem::take(&mut self.0);
        if buffer.capacity() > POOLED_BYTES {
            buffer.zeroize();
            return;
        }
        buffer.as_mut_slice().fill(0);
        buffer.clear();
        POOL.with(|pool| {
            // Not to be had while the thread ends; then the buffer is simply freed.
            if let Ok(mut pool) = pool.try_borrow_mut()
                && pool.len() < POOLED
            {
                pool.push(buffer);
            }
        });
    }
}

impl std::fmt::Debug for Flat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Flat({} bytes)", self.0.len())
    }
}

/// Reads a [`Flat`] back.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn next(&mut self) -> Option<(&'a [u8], bool)> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length);
        let (text, rest) = rest.split_at_checked(usize::try_from(length & !SENSITIVE).ok()?)?;
        self.0 = rest;
        Some((text, length & SENSITIVE != 0))
    }

    fn uri(&mut self) -> Option<Uri> {
        let (scheme, authority, path) = (self.next()?.0, self.next()?.0, self.next()?.0);
        let mut parts = http::uri::Parts::default();
        if !scheme.is_empty() {
            parts.scheme = Some(scheme.try_into().ok()?);
        }
        if !authority.is_empty() {
            parts.authority = Some(authority.try_into().ok()?);
        }
        if !path.is_empty() {
            parts.path_and_query = Some(path.try_into().ok()?);
        }
        Uri::from_parts(parts).ok()
    }

    fn headers(&mut self, headers: &mut HeaderMap) {
        // Written from a valid map: nothing is ever left out here.
        while let Some(((name, _), (value, sensitive))) = self.next().zip(self.next()) {
            let (Ok(name), Ok(mut value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) else {
                continue;
            };
            value.set_sensitive(sensitive);
            headers.append(name, value);
        }
    }
}
