//! The smallest thing a store needs: one value a key that can be read, and swapped if unchanged.

use zeroize::Zeroizing;

use super::{Facts, GrantKey, Incarnation, OpId, StoreError};
use crate::BoxFuture;

/// Bytes that may hold secrets: wiped when they are dropped, not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Blob(Zeroizing<Vec<u8>>);

impl Blob {
    /// Takes the bytes over.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<Zeroizing<Vec<u8>>> for Blob {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}

/// The version of a value: who wrote it, and in which incarnation of the storage. An operation id
/// alone can come back after a restore; with the incarnation it cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)] // These two are a version.
pub struct Version {
    /// Who wrote it; [`OpId::NONE`] if there is no value.
    pub op: OpId,
    /// The incarnation in which it was read.
    pub incarnation: Option<Incarnation>,
}

/// A value as it was read.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Loaded {
    /// The value; `None` if there is none.
    pub bytes: Option<Blob>,
    /// What the storage says of itself.
    pub facts: Facts,
}

impl Loaded {
    /// A value and what the storage says.
    #[must_use]
    pub const fn new(bytes: Option<Blob>, facts: Facts) -> Self {
        Self { bytes, facts }
    }
}

/// Whether a swap took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // It did or it did not.
pub enum Swap {
    /// The new value is durable.
    Stored,
    /// The version was another one: nothing was written.
    Lost,
}

/// One value a key: read, and compare-and-swap. [`CellStore`](super::CellStore) makes a
/// [`Store`](super::Store) of it.
///
/// A row in a database, a value in a key-value server, an object with conditional writes are cells:
/// about a hundred lines each. The rules of the contract are not in it.
///
/// # Contract
///
/// * `load` shows the last swap that was acknowledged, or a later one.
/// * `swap` compares and writes in one atomic step, and resolves when the value is durable. What it
///   expects may have been read minutes ago.
/// * The [version](Version) of a value is the `op` it was stored with, and the incarnation the
///   storage is in *now*: if that is not the one in `expected`, the swap is lost.
/// * A value is not deleted, and does not expire, while a process that has read its key may still
///   write. Without it the version is [`OpId::NONE`] once more: a first write that was computed
///   long ago succeeds, and an operation that is tried again does not find what it has done.
/// * An error is [`Unknown`](super::StoreErrorKind::Unknown) unless the value was certainly not
///   written and never will be.
///
/// # Cancel safety
///
/// A dropped `swap` may or may not have been written.
pub trait Cell: Send + Sync + 'static {
    /// Reads the value.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: nothing was read.
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Loaded, StoreError>>;

    /// Writes `new`, which `op` made, if the version still is `expected`.
    ///
    /// # Errors
    ///
    /// [`StoreError`], whose kind says what is known of the write.
    fn swap<'a>(
        &'a self,
        key: &'a GrantKey,
        expected: Version,
        op: OpId,
        new: Blob,
    ) -> BoxFuture<'a, Result<Swap, StoreError>>;

    /// Whether no other process reaches these values. Then a session renews however long it idled.
    fn is_private(&self) -> bool {
        false
    }

    /// Completes when the value may have been written, by whichever process, if the storage tells
    /// of that; never, by default.
    ///
    /// It is asked while another holder's claim is waited for. A notice that is missed costs the
    /// rest of a pause, at most a quarter of a second, and one too many costs a read.
    ///
    /// # Cancel safety
    ///
    /// Dropping it forgets nothing.
    fn changed<'a>(&'a self, _key: &'a GrantKey) -> BoxFuture<'a, ()> {
        Box::pin(std::future::pending())
    }
}
