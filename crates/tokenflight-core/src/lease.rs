//! The store contract as it was; it goes when the engine writes by [`store`](crate::store).
//!
//! Where token sets survive the process, and where processes and hosts exclude each other: the [`Store`] contract.
//!
//! # The contract in words
//!
//! A store keeps one [`Record`] for each [`GrantKey`], and beside it at most one lease. The key names the *grant* (the
//! family of refresh tokens one login created), not a cache entry: two audiences of one login share it.
//!
//! 1. **Every operation is one atomic step** on the record and its lease: a row condition, a script, or a read
//!    again under a file lock. Its effect is durable before its future resolves.
//! 2. **Epoch and generation never decrease** (I-02). Access and refresh token of a record come from one response.
//! 3. **A lease excludes** until it is released or `length` has passed, by the store's clock; a store without one uses
//!    the wall clock of [`Claim::now`]. It is released by its owner only.
//! 4. **An intent** is the durable note that the stored refresh token is about to be presented. Whoever finds a
//!    pending one of another owner gets [`Lease::Busy`] until it has run out; afterwards the record still shows
//!    it, because the token may have been spent.
//! 5. **A commit** is accepted if and only if the stored epoch is the commit's and the stored refresh token is the one
//!    that was presented. Not "if the lease is still held": a late holder with the only valid successor must
//!    be able to store it. It clears the intent and releases the owner's lease. A grant without a record counts as one of
//!    epoch zero without a refresh token, so that a grant that needs none can begin: see [`Record::accepts`].
//! 6. **An end** needs the same two conditions. It keeps the tokens and puts a tombstone beside them. Like a
//!    commit it clears the intent and releases the owner's lease.
//! 7. **A reset** (login or logout) always succeeds and begins a new epoch, larger than any before. It clears the intent and
//!    the lease, whoever holds it; what an older epoch commits afterwards is refused (C-19, C-20, C-22).
//!
//! `tokenflight_test::contract::store` checks all of this; run it against yours.

use std::{error::Error as StdError, fmt, time::Duration};

pub use crate::store::GrantKey;

use crate::{AccessToken, BoxError, BoxFuture, EndReason, Epoch, Generation, Now, RefreshToken, TokenSet};

/// Who holds a lease: a random number for each attempt, so that nobody releases what is another's (R-514, C-40).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner(u128);

impl Owner {
    /// An owner with this number; draw it anew for each attempt.
    #[must_use]
    pub const fn new(number: u128) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u128 {
        self.0
    }
}

/// The tokens of one response, as they are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredTokens {
    /// The access token.
    pub access: AccessToken,
    /// The refresh token to present next.
    pub refresh: Option<RefreshToken>,
    /// The lifetime, counted from `received`; unknown if the server did not say.
    pub lifetime: Option<Duration>,
    /// When the request for it was sent, on the wall clock, since the Unix epoch.
    pub received: Duration,
    /// The granted scope.
    pub scope: Option<String>,
    /// Whose tokens they are, if the grant said so ([`Grant::issuer`](crate::Grant::issuer)): they are never presented to
    /// anybody else.
    pub issuer: Option<String>,
}

impl StoredTokens {
    /// The tokens of `set` as of `received` (wall clock); an absent refresh token is replaced by `keep`.
    #[must_use]
    pub fn from_set(set: &TokenSet, received: Duration, keep: Option<&RefreshToken>) -> Self {
        Self {
            access: set.access().clone(),
            refresh: set.refresh().or(keep).cloned(),
            lifetime: set.lifetime(),
            received,
            scope: set.granted_scope().map(str::to_owned),
            issuer: None,
        }
    }

    /// The same, with the name of who issued them.
    #[must_use]
    pub fn issued_by(mut self, issuer: Option<&str>) -> Self {
        self.issuer = issuer.map(str::to_owned);
        self
    }
}

/// The note that the stored refresh token was about to be presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Intent {
    /// Who presented it.
    pub owner: Owner,
    /// Until when others must wait, on the store's clock, since the Unix epoch.
    pub until: Duration,
    /// Whether the attempt has ended with an unknown outcome. Until then it may still be under way, or its holder dead.
    pub ambiguous: bool,
}

impl Intent {
    /// A pending intent.
    #[must_use]
    pub const fn pending(owner: Owner, until: Duration) -> Self {
        Self { owner, until, ambiguous: false }
    }
}

/// What a grant's record says about its session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Every reader must have an answer to each.
pub enum RecordState {
    /// Logged in.
    Active(StoredTokens),
    /// The authorization server ended it. The tokens stay until a login or logout (R-221, I-08).
    Ended {
        /// What was stored when it ended.
        tokens: StoredTokens,
        /// Why.
        reason: EndReason,
        /// When, on the wall clock, since the Unix epoch.
        at: Duration,
    },
    /// Logged out. No tokens are left.
    LoggedOut,
}

/// What a store keeps for a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// Log-ins and log-outs so far.
    pub epoch: Epoch,
    /// Token sets so far.
    pub generation: Generation,
    /// The session.
    pub state: RecordState,
    /// Whether the stored refresh token may have been presented already.
    pub intent: Option<Intent>,
}

impl Record {
    /// A record without an intent.
    #[must_use]
    pub const fn new(epoch: Epoch, generation: Generation, state: RecordState) -> Self {
        Self { epoch, generation, state, intent: None }
    }

    /// The tokens, whether active or ended.
    #[must_use]
    pub const fn tokens(&self) -> Option<&StoredTokens> {
        match &self.state {
            RecordState::Active(tokens) | RecordState::Ended { tokens, .. } => Some(tokens),
            RecordState::LoggedOut => None,
        }
    }

    /// Whether a successor of `presented` in `epoch` may be stored over `record`.
    #[must_use]
    pub fn accepts(record: Option<&Self>, epoch: Epoch, presented: Option<&RefreshToken>) -> bool {
        let Some(record) = record else { return epoch == Epoch::default() && presented.is_none() };
        record.epoch == epoch && record.tokens().is_some_and(|tokens| tokens.refresh.as_ref() == presented)
    }
}

/// A wish for the lease.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Claim {
    /// Who asks.
    pub owner: Owner,
    /// How long the lease may last.
    pub length: Duration,
    /// The claimant's clocks; stores with a clock of their own use that.
    pub now: Now,
}

impl Claim {
    /// A claim.
    #[must_use]
    pub const fn new(owner: Owner, length: Duration, now: Now) -> Self {
        Self { owner, length, now }
    }

    /// When the lease runs out, on the claimant's wall clock.
    #[must_use]
    pub const fn until(&self) -> Duration {
        self.now.wall.saturating_add(self.length)
    }
}

/// The answer to a [`Claim`].
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums)] // A claim is granted or it is not.
#[allow(clippy::large_enum_variant)] // An answer that is taken apart at once; a box would cost more than the copy.
pub enum Lease {
    /// The lease is the claimant's; this is the record, read under it (C-31).
    Granted(Option<Record>),
    /// Another one has it, or a pending intent has not run out.
    Busy {
        /// When it is worth asking again, if the store knows.
        retry_after: Option<Duration>,
    },
}

/// A successor to be stored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Commit {
    /// Who holds the lease, or held it.
    pub owner: Owner,
    /// The epoch the token request was made in.
    pub epoch: Epoch,
    /// The generation of `tokens`; the store raises it if its own is as large.
    pub generation: Generation,
    /// The refresh token that was presented.
    pub presented: Option<RefreshToken>,
    /// What came back.
    pub tokens: StoredTokens,
}

impl Commit {
    /// A commit.
    #[must_use]
    pub const fn new(
        owner: Owner,
        epoch: Epoch,
        generation: Generation,
        presented: Option<RefreshToken>,
        tokens: StoredTokens,
    ) -> Self {
        Self { owner, epoch, generation, presented, tokens }
    }
}

/// The answer to a [`Commit`] or an [`End`].
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums)] // A conditional write happens or it does not.
#[allow(clippy::large_enum_variant)] // As `Lease`.
pub enum Write {
    /// Stored, with this generation.
    Stored(Generation),
    /// Refused: the epoch or the predecessor is another one. This is what is stored instead.
    Conflict(Option<Record>),
}

/// A tombstone to be set.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct End {
    /// Who holds the lease.
    pub owner: Owner,
    /// The epoch the token request was made in.
    pub epoch: Epoch,
    /// The refresh token the server refused.
    pub presented: Option<RefreshToken>,
    /// Why.
    pub reason: EndReason,
    /// When, on the wall clock, since the Unix epoch.
    pub at: Duration,
}

impl End {
    /// An end.
    #[must_use]
    pub const fn new(
        owner: Owner,
        epoch: Epoch,
        presented: Option<RefreshToken>,
        reason: EndReason,
        at: Duration,
    ) -> Self {
        Self { owner, epoch, presented, reason, at }
    }
}

/// How an attempt ended that has no successor and no tombstone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // The presented token is untouched, or nobody knows.
pub enum Settle {
    /// The refresh token was not presented, or provably not processed: the intent is cleared.
    Untouched,
    /// Nobody knows: the intent stays and says so.
    Ambiguous,
}

/// A login (tokens) or a logout (none).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reset {
    /// The new epoch; the store raises it above its own.
    pub epoch: Epoch,
    /// The new generation; the store raises it above its own.
    pub generation: Generation,
    /// The tokens of the login.
    pub tokens: Option<StoredTokens>,
}

impl Reset {
    /// A reset.
    #[must_use]
    pub const fn new(epoch: Epoch, generation: Generation, tokens: Option<StoredTokens>) -> Self {
        Self { epoch, generation, tokens }
    }
}

/// A store that could not do what it was asked. Nothing is known about whether a write took effect.
#[derive(Debug)]
pub struct StoreError(BoxError);

impl StoreError {
    /// A failure with its cause. Put no secret into it.
    pub fn new(source: impl Into<BoxError>) -> Self {
        Self(source.into())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the token store failed")
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}

/// Where token sets survive; see the [module documentation](self) for the contract.
///
/// # Errors
///
/// Every operation may fail with [`StoreError`]. The engine then serves what it has, and never refreshes without the
/// lease.
///
/// # Cancel safety
///
/// The engine does not drop the future of a write before it has settled, except with the whole session (C-59).
pub trait Store: Send + Sync + 'static {
    /// Reads the record, without the lease.
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Option<Record>, StoreError>>;

    /// Asks for the lease; does not wait for it.
    fn lease<'a>(&'a self, key: &'a GrantKey, claim: Claim) -> BoxFuture<'a, Result<Lease, StoreError>>;

    /// Notes durably that the lease's owner is about to present the stored refresh token; the intent lasts as long as
    /// the lease. `false`: the lease is no longer the owner's; do not present.
    fn intend<'a>(&'a self, key: &'a GrantKey, owner: Owner) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Stores a successor if its predecessor is the one stored.
    fn commit<'a>(&'a self, key: &'a GrantKey, commit: Commit) -> BoxFuture<'a, Result<Write, StoreError>>;

    /// Sets a tombstone if the refused token is the one stored.
    fn end<'a>(&'a self, key: &'a GrantKey, end: End) -> BoxFuture<'a, Result<Write, StoreError>>;

    /// Settles the owner's intent, if it still is its own, and releases its lease.
    fn settle<'a>(&'a self, key: &'a GrantKey, owner: Owner, outcome: Settle) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Begins a new epoch with these tokens, or none. Returns what was really stored.
    fn reset<'a>(&'a self, key: &'a GrantKey, reset: Reset) -> BoxFuture<'a, Result<(Epoch, Generation), StoreError>>;
}
