//! What a request needs of a session, in a form that can be used without asking it again.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use tokenflight_core::{Generation, LoginId, Now};
use zeroize::Zeroizing;

use crate::slot::Inner;

/// A copy of the current token, for one value of the service. As long as the session shows the same
/// stamp, it is the current one.
///
/// The copy has memory of its own from its second use on; a value that a clone has made anew for
/// one request is used once.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    /// The stamp it was taken at; a session never shows zero.
    pub(crate) stamp: u64,
    /// The token; none if every request has to ask.
    pub(crate) pass: Option<Pass>,
    /// Whether the token's memory is not the session's.
    pub(crate) copied: bool,
}

impl Snapshot {
    /// The token to send, if that needs no asking: this copy, made anew if the session shows
    /// another stamp. Without a driver to withdraw it in time, the clock is looked at.
    ///
    /// `once` says that the service was just cloned, and whether it will be used again is unknown.
    #[inline]
    pub(crate) fn usable(&mut self, session: &Inner, once: &mut bool) -> Option<&Pass> {
        let renewed = (session.stamp() != self.stamp || !self.copied) && self.renew(session, once);
        self.pass.as_ref().filter(|pass| match pass.clock {
            Some((anchor, ask_after)) if !renewed => !session.parts.time.now().reached(anchor, ask_after),
            _ => true,
        })
    }

    /// Returns whether it is another one now, which needs no look at the clock.
    #[cold]
    #[inline(never)]
    fn renew(&mut self, session: &Inner, once: &mut bool) -> bool {
        let renewed = session.stamp() != self.stamp;
        if renewed {
            *self = session.snapshot();
        }
        if std::mem::take(once) {
            return renewed;
        }
        if let Some(pass) = &mut self.pass {
            pass.header = private_copy(&pass.header);
        }
        self.copied = true;
        renewed
    }
}

/// A token that may be attached without asking.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    pub(crate) header: HeaderValue,
    pub(crate) login: LoginId,
    pub(crate) generation: Generation,
    /// From when and for how long, by the clock; `None` if a driver watches the clock.
    pub(crate) clock: Option<(Now, Duration)>,
}

/// A copy with memory of its own. Clones of a header value share one reference count, and on
/// several threads that one cache line is what costs.
fn private_copy(header: &HeaderValue) -> HeaderValue {
    let bytes = Bytes::from_owner(Zeroizing::new(header.as_bytes().to_vec()));
    // The bytes have just been in a header value; should that ever fail, sharing is merely slower.
    let mut copy = HeaderValue::from_maybe_shared(bytes).unwrap_or_else(|_| header.clone());
    copy.set_sensitive(true);
    copy
}
