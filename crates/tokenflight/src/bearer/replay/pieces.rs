//! The data that has been read of a body, and how much of it the client has had.

use std::mem;

use bytes::Bytes;

/// So many pieces are shared with the client, however small they are.
const SHARED: usize = 64;

/// A piece after those is shared from this size on. Smaller ones are copied together: a body may
/// consist of very many very small pieces, each of which would take several times its bytes.
const SMALL: usize = 256;

/// The pieces, in their order.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    kept: Vec<Bytes>,
    /// Small pieces in one, after all that are kept.
    joined: Vec<u8>,
    /// How many of the kept pieces the client has had, and how much of what follows those.
    sent: (usize, usize),
}

impl Pieces {
    #[inline]
    pub(super) fn push(&mut self, piece: Bytes) {
        if self.kept.len() < SHARED || piece.len() >= SMALL {
            self.close();
            self.kept.push(piece);
        } else {
            self.joined.extend_from_slice(&piece);
        }
    }

    /// The next that the client has not had.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        while let Some(piece) = self.kept.get(self.sent.0) {
            let unsent = piece.slice(self.sent.1..);
            self.sent = (self.sent.0 + 1, 0);
            if !unsent.is_empty() {
                return Some(unsent);
            }
        }
        let unsent = self.joined.get(self.sent.1..).filter(|unsent| !unsent.is_empty())?;
        let unsent = Bytes::copy_from_slice(unsent);
        self.sent.1 = self.joined.len();
        Some(unsent)
    }

    /// The client has had all of them.
    pub(super) fn all_sent(&mut self) {
        self.sent = (self.kept.len(), self.joined.len());
    }

    /// The bytes that the client has not had.
    pub(super) fn unsent(&self) -> usize {
        let kept = self.kept.get(self.sent.0..).unwrap_or_default().iter().map(Bytes::len).sum::<usize>();
        kept + self.joined.len() - self.sent.1
    }

    /// All of them.
    pub(super) fn all(&mut self) -> Vec<Bytes> {
        self.close();
        self.kept.clone()
    }

    /// Takes out what the client has had already.
    pub(super) fn take_sent(&mut self) -> Self {
        let (kept, joined) = (self.kept.split_off(self.sent.0), mem::take(&mut self.joined));
        mem::replace(self, Self { kept, joined, sent: (0, self.sent.1) })
    }

    /// What is joined becomes a piece.
    fn close(&mut self) {
        if !self.joined.is_empty() {
            self.kept.push(mem::take(&mut self.joined).into());
        }
    }
}
