//! The flat copy of a request's head, from which a replay is built.
//!
//! Cloning a `HeaderMap` costs 205–260 instructions and often an allocation for each header;
//! writing names and values one after another into one pooled buffer costs 85 and none. The map is
//! built again only for a replay. The copy is made before the token is put in, so it never holds
//! the token. A long value (a cookie jar, a signed assertion) is not copied: its memory is shared,
//! as clones of a `HeaderValue` share it.

use std::cell::RefCell;

use bytes::Bytes;
use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version,
    header::{AUTHORIZATION, HOST},
};
use tokenflight_core::Time;
use zeroize::{Zeroize, Zeroizing};

use crate::{
    bearer::{BearerOptions, grpc, limit::Limit, origin::Listed, target::Names},
    sync::thread_local,
};

/// Buffers kept for reuse by one thread, and how large they may be.
const POOLED: usize = 16;
const POOLED_BYTES: usize = 16 * 1024;

thread_local! {
    static POOL: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

/// A request's head, kept for a replay, and what was learned of the request when it was copied.
#[derive(Debug)]
pub(in crate::bearer) struct Head {
    /// Which of the headers that have a say about the target are there.
    pub(in crate::bearer) names: Names,
    /// How long the request may still be held.
    pub(in crate::bearer) limit: Limit,
    method: Method,
    version: Version,
    /// Whether its scheme and authority are the listed origin's, as spelled, and not copied.
    listed: bool,
    extensions: Extensions,
    flat: Flat,
}

/// The URI and the headers, each as lengths and then texts.
struct Flat {
    /// Used up to the end, and nothing but zeros from there on: so a text is written into place,
    /// without a check of the capacity for each of its parts.
    bytes: Box<[u8]>,
    end: usize,
    /// Values that are shared instead, in their order.
    shared: Option<Box<Shared>>,
}

/// Boxed, because few requests have any and all would have to make room for them.
struct Shared(Vec<HeaderValue>);

/// What a buffer begins with: enough for most heads.
const ROOM: usize = 512;

/// What the length of a text takes.
const LENGTH: usize = 4;

/// Marks a value as sensitive in the upper bit of its length.
const SENSITIVE: u32 = 1 << 31;

/// Values longer than this are shared: copying and wiping one costs more than two changes of a
/// reference count.
const LONG: usize = 256;

/// In the place of the length of a value that is shared. No length is written that great.
const SHARED: u32 = u32::MAX;

impl Head {
    /// Copies the head of a request that has just come. `None` if a part of it is larger than any
    /// sane one (2 GiB). `listed` says that scheme and authority are spelled as the list has them,
    /// and are taken from there.
    #[inline(never)]
    pub(in crate::bearer) fn of<B>(
        request: &Request<B>,
        listed: bool,
        options: &BearerOptions,
        time: &dyn Time,
    ) -> Option<Self> {
        let mut flat = Flat::of(request.uri(), listed)?;
        let (mut names, mut timeout) = (Names::default(), None);
        for (name, value) in request.headers() {
            if *name == AUTHORIZATION {
                names.authorization = true;
            } else if *name == HOST {
                names.host = true;
            } else if *name == grpc::TIMEOUT {
                timeout = timeout.or_else(|| grpc::timeout(value));
            }
            flat.header(name, value)?;
        }
        Some(Self {
            names,
            limit: Limit::new(options.wait_limit(), timeout, time),
            method: request.method().clone(),
            version: request.version(),
            listed,
            extensions: request.extensions().clone(),
            flat,
        })
    }

    /// Builds the request to this origin again with this body; the token is attached later.
    pub(in crate::bearer) fn rebuild<B>(&self, body: B, origin: Option<&Listed>) -> Request<B> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.version_mut() = self.version;
        *request.extensions_mut() = self.extensions.clone();
        let shared = self.flat.shared.as_ref().map_or(&[][..], |shared| &shared.0);
        let mut fields = Fields { flat: &self.flat.bytes[..self.flat.end], shared };
        if let Some(uri) = fields.uri(origin.filter(|_| self.listed)) {
            *request.uri_mut() = uri;
        }
        fields.headers(request.headers_mut());
        request
    }

    /// Gives the buffer back, and keeps what is in it in as little memory as it takes: for a wait,
    /// in which there may be very many.
    pub(in crate::bearer) fn shrink(&mut self) {
        let exact = self.flat.bytes[..self.flat.end].into();
        give_back(std::mem::replace(&mut self.flat.bytes, exact), self.flat.end);
    }
}

impl Flat {
    /// Copies the URI.
    fn of(uri: &Uri, listed: bool) -> Option<Self> {
        let mut flat = Self::new();
        let path = uri.path_and_query().map(http::uri::PathAndQuery::as_str).unwrap_or_default();
        if !listed {
            let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
            flat.put([uri.scheme_str().unwrap_or_default(), authority].map(str::as_bytes), 0)?;
        }
        flat.put([path.as_bytes()], 0)?;
        Some(flat)
    }

    #[inline(always)]
    fn header(&mut self, name: &HeaderName, value: &HeaderValue) -> Option<()> {
        if value.len() > LONG {
            return self.share(name, value);
        }
        let mark = if value.is_sensitive() { SENSITIVE } else { 0 };
        self.put([name.as_str().as_bytes(), value.as_bytes()], mark)
    }

    fn new() -> Self {
        let pooled = POOL.try_with(|pool| pool.try_borrow_mut().ok().and_then(|mut pool| pool.pop())).ok().flatten();
        Self { bytes: pooled.unwrap_or_else(|| zeros(ROOM)), end: 0, shared: None }
    }

    /// Writes texts and their lengths; the mark goes with the last. Room is checked once for all.
    #[inline(always)]
    fn put<const N: usize>(&mut self, texts: [&[u8]; N], mark: u32) -> Option<()> {
        let mut end = self.end + N * LENGTH;
        for text in texts {
            if text.len() >= SENSITIVE as usize {
                return None;
            }
            end += text.len();
        }
        if end > self.bytes.len() {
            self.grow(end);
        }
        let (lengths, mut rest) = self.bytes[self.end..end].split_at_mut(N * LENGTH);
        for (index, (place, text)) in lengths.chunks_exact_mut(LENGTH).zip(texts).enumerate() {
            let mark = if index + 1 == N { mark } else { 0 };
            place.copy_from_slice(&(text.len() as u32 | mark).to_le_bytes());
        }
        for text in texts {
            let (place, after) = rest.split_at_mut(text.len());
            place.copy_from_slice(text);
            rest = after;
        }
        self.end = end;
        Some(())
    }

    #[cold]
    fn share(&mut self, name: &HeaderName, value: &HeaderValue) -> Option<()> {
        self.put([name.as_str().as_bytes(), b""], SHARED)?;
        self.shared.get_or_insert_with(|| Box::new(Shared(Vec::new()))).0.push(value.clone());
        Some(())
    }

    #[cold]
    fn grow(&mut self, end: usize) {
        let mut larger = zeros(end.next_power_of_two());
        larger[..self.end].copy_from_slice(&self.bytes[..self.end]);
        std::mem::replace(&mut self.bytes, larger).zeroize();
    }
}

/// The caller's own headers may be secrets too (cookies, API keys): cleared before the next request
/// sees the buffer.
impl Drop for Flat {
    fn drop(&mut self) {
        give_back(std::mem::take(&mut self.bytes), self.end);
    }
}

fn zeros(length: usize) -> Box<[u8]> {
    vec![0; length].into()
}

/// Clears a buffer that was used up to here, and puts it into the pool if it fits there.
fn give_back(mut buffer: Box<[u8]>, end: usize) {
    if !(ROOM..=POOLED_BYTES).contains(&buffer.len()) {
        buffer.zeroize();
        return;
    }
    buffer[..end].fill(0);
    // While the thread ends there may be no pool any more: then the buffer is simply freed.
    let _ = POOL.try_with(|pool| match pool.try_borrow_mut() {
        Ok(mut pool) if pool.len() < POOLED => pool.push(buffer),
        _ => {}
    });
}

impl std::fmt::Debug for Flat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Flat({} bytes)", self.end)
    }
}

/// Reads a [`Flat`] back.
struct Fields<'a> {
    flat: &'a [u8],
    shared: &'a [HeaderValue],
}

impl<'a> Fields<'a> {
    /// The next texts, and the mark of the last.
    fn next<const N: usize>(&mut self) -> Option<([&'a [u8]; N], u32)> {
        let (lengths, mut rest) = self.flat.split_at_checked(N * LENGTH)?;
        let (mut texts, mut mark) = ([&[][..]; N], 0);
        for (text, length) in texts.iter_mut().zip(lengths.chunks_exact(LENGTH)) {
            let length = u32::from_le_bytes(length.try_into().ok()?);
            mark = if length == SHARED { SHARED } else { length & SENSITIVE };
            (*text, rest) = rest.split_at_checked(usize::try_from(length & !mark).ok()?)?;
        }
        self.flat = rest;
        Some((texts, mark))
    }

    /// The URI, with scheme and authority of the listed origin if there is one.
    fn uri(&mut self, listed: Option<&Listed>) -> Option<Uri> {
        let mut parts = http::uri::Parts::default();
        if let Some(listed) = listed {
            (parts.scheme, parts.authority) = (Some(listed.scheme()), Some(listed.spelled.clone()));
        } else {
            let ([scheme, authority], _) = self.next()?;
            if !scheme.is_empty() {
                parts.scheme = Some(scheme.try_into().ok()?);
            }
            if !authority.is_empty() {
                parts.authority = Some(authority.try_into().ok()?);
            }
        }
        let ([path], _) = self.next()?;
        if !path.is_empty() {
            parts.path_and_query = Some(path.try_into().ok()?);
        }
        Uri::from_parts(parts).ok()
    }

    fn headers(&mut self, headers: &mut HeaderMap) {
        // Written from a valid map: nothing is ever left out here.
        while let Some(([name, value], mark)) = self.next() {
            let value = if mark == SHARED { self.next_shared() } else { copied(value, mark == SENSITIVE) };
            let (Ok(name), Some(value)) = (HeaderName::from_bytes(name), value) else { continue };
            headers.append(name, value);
        }
    }

    fn next_shared(&mut self) -> Option<HeaderValue> {
        let (value, rest) = self.shared.split_first()?;
        self.shared = rest;
        Some(value.clone())
    }
}

fn copied(value: &[u8], sensitive: bool) -> Option<HeaderValue> {
    if !sensitive {
        return HeaderValue::from_bytes(value).ok();
    }
    // What is sensitive is wiped when its last clone goes.
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(Zeroizing::new(value.to_vec()))).ok()?;
    value.set_sensitive(true);
    Some(value)
}
