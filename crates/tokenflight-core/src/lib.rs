//! Contracts and values of tokenflight.
//!
//! Nothing in this crate reads a clock, takes a lock, starts a task or does I/O. It holds
//!
//! * values: [`TokenSet`], [`AccessToken`], [`RefreshToken`], [`Generation`], [`Epoch`], [`Now`];
//! * the contracts others implement: [`Grant`], [`Store`](store::Store), [`Time`].
//!
//! Depend on this crate to write a grant or a store; depend on `tokenflight` to use one.

mod end_reason;
mod error;
mod event;
pub mod grant;
mod login;
mod now;
mod secret;
pub mod store;
mod time;
mod token;

use std::{future::Future, pin::Pin};

pub use self::{
    end_reason::EndReason,
    error::{Error, ErrorKind},
    event::{Event, Source},
    grant::contract::Grant,
    grant::error::{FailureClass, GrantError},
    login::LoginId,
    now::Now,
    secret::Secret,
    time::{Sleep, Time},
    token::{AccessToken, Epoch, Generation, MAX_LIFETIME, RefreshToken, TokenSet, TokenSetError, Unsendable},
};

/// A boxed future that can move between threads; what the object-safe contracts return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A boxed error that can be shared between threads; the field's usual alias.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
