//! tokenflight: bearer tokens for tower clients.

pub mod bearer;
mod callback_store;
pub mod driver;
mod flight;
mod memory_store;
pub mod session;
mod sync;
pub mod time;

#[doc(inline)]
pub use self::{
    bearer::{Bearer, BearerBody, BearerFuture, BearerLayer, OriginError, Origins},
    callback_store::CallbackStore,
    driver::Driver,
    memory_store::MemoryStore,
    session::{BuildError, EventOrGap, Events, Session, SessionBuilder, State, Status, Token, Watch},
};
#[doc(no_inline)]
pub use tokenflight_core as core;
#[doc(no_inline)]
pub use tokenflight_core::{
    AccessToken, BoxError, BoxFuture, EndReason, Epoch, Error, ErrorKind, Event, FailureClass, Generation, Grant,
    GrantError, Now, RefreshToken, Secret, Store, Time, TokenSet,
    event::Source,
    grant::{GrantFn, Reason, TokenRequest, grant_fn},
    machine::{Policy, PolicyError, ReplayPolicy},
    store::{GrantKey, Record, RecordState, StoredTokens},
};
