//! Where a session survives its process, and where processes and hosts exclude each other: the
//! [`Store`] contract.
//!
//! A store keeps one [`Entry`] for each [`GrantKey`]. A session asks two things of it:
//! [`load`](Store::load), and [`apply`](Store::apply) of an [`Op`]. What an operation does to an
//! entry is one pure function, [`apply()`]; a store runs it atomically where the data is. Most
//! stores are a [`Cell`] under a [`CellStore`].
//!
//! # The rules in words
//!
//! A new entry is always written by its operation ([`Entry::op`]). **Applied before** comes first,
//! on every load of every try: an operation that finds its own effect changes nothing and is
//! answered as if it had been done now. So an unknown outcome is settled by trying again, and a
//! login or logout can neither repeat itself nor undo what came after it.
//!
//! * **Claim**: the right to present the refresh token and the durable note of it, in one write. It
//!   names the entry it was decided on; if another is stored, or the storage's incarnation is
//!   another one, the answer is *changed* and nothing is written. Another owner's claim stands in
//!   the way until its holder's death is proved (its kernel lock is free) and what it sent has had
//!   [`Timing::drain`] to arrive; or, without locks, until it has run out by a trusted clock or has
//!   been watched for its whole length, and the storage has answered for [`Timing::quiet`]. An
//!   entry that was written in another incarnation is watched for a claim's length first: a claim
//!   in force may have been lost. A claim that replaces another, or that is the first after such a
//!   change, leaves the entry in **doubt**.
//! * **Commit**: stored if epoch, login, token set and presented refresh token are what the entry
//!   holds, whichever holder has the claim, and over an end: a late holder may have the only valid
//!   successor. It lifts claim and doubt.
//! * **End**: as a commit, only over an active entry and never under another's claim. Tokens stay.
//! * **Settle**: for the owner of the claim. *Untouched* gives the claim back and leaves a doubt as
//!   it was. *Ambiguous* puts the entry in doubt; if the server may end the session on reuse, the
//!   claim stays until what was sent has arrived.
//! * **Reset** (login, logout): stored if the login it replaces is the stored one, or if it names
//!   none. A new epoch; claim and doubt are gone. The answer tells which tokens it replaced.
//! * **Again**: after a change of incarnation, a process that holds a later state writes it back as
//!   it was. It stays in quarantine.
//!
//! A missing entry counts as [`Entry::default`].
//!
//! A process that is refused because an ancestor of what it saw is stored, after a change of
//! incarnation, writes back what it saw and tries again, three times: so a successor survives what
//! is lost between its claim and its commit.
//!
//! What the rules cannot prevent: a holder paused between its last look at the clock and its first
//! byte, for longer than its claim; one cut off from the storage for longer than its claim while
//! the storage serves others; a process that dies between the server's answer and the commit, where
//! the server has no grace window; and what a failover loses that no living process saw.
//!
//! `tokenflight_test::contract::store` checks a store against all of this,
//! `tokenflight_test::contract::cell` a cell.

mod apply;
mod cell;
mod cell_store;
pub mod codec;
mod contract;
mod entry;
mod error;
mod id;
mod key;
mod op;
mod tokens;

pub use self::{
    apply::{Timing, apply, apply_with},
    cell::{Blob, Cell, Loaded, Swap, Version},
    cell_store::CellStore,
    contract::Store,
    entry::{Claim, Doubt, Entry, EntryState, Reading},
    error::{StoreError, StoreErrorKind},
    id::{ClockId, Incarnation, LockId, OpId, Owner},
    key::GrantKey,
    op::{Body, Clock, Facts, Op, Outcome, Reply, Seen},
    tokens::StoredTokens,
};
