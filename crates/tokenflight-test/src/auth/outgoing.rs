use std::{fmt, sync::Arc};

use http::HeaderMap;

use super::Fault;

/// A successful answer that is about to leave: the refresh token is spent, and its client does not
/// know the next one yet. See [`Builder::before_answer`](super::Builder::before_answer).
pub struct Outgoing<'a> {
    pub(super) label: &'a str,
    pub(super) headers: &'a HeaderMap,
}

impl Outgoing<'_> {
    /// The label of the family.
    #[must_use]
    pub fn label(&self) -> &str {
        self.label
    }

    /// A header of the request, if it is there and text. In process a request has none.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl fmt::Debug for Outgoing<'_> {
    /// Without the headers: a client may authenticate in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("label", &self.label).finish_non_exhaustive()
    }
}

/// What is asked before an answer leaves.
#[derive(Clone)]
pub(super) struct BeforeAnswer(pub(super) Arc<dyn Fn(&Outgoing<'_>) -> Fault + Send + Sync>);
