//! What several of the files here use.

pub(crate) use std::{
    collections::HashSet,
    fmt,
    future::{Future, poll_fn},
    hash::{DefaultHasher, Hash, Hasher},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Waker},
    time::Duration,
};

pub(crate) use tokenflight::{
    BoxFuture, Entry, Event, FailureClass, GrantKey, LoginId, RefreshToken, Session, Status, Time, TokenSet,
};
pub(crate) use tokenflight_test::{
    AuthServer, ManualTime,
    mock::{OpKind, Trouble},
};

pub(crate) use crate::{
    executor::{Inbox, Kind, Left},
    judge::Judge,
    knobs::{Knob, Knobs},
    people::Process,
    profile::Profile,
    runtimes::Runtimes,
};
