//! What several of the files here use.

pub(crate) use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

pub(crate) use futures_util::future::join_all;
pub(crate) use tokenflight::{Session, Time, time::TokioTime};
pub(crate) use tokenflight_core::{
    Now,
    store::{Blob, Cell, CellStore, GrantKey, OpId, Reply, Store, StoreErrorKind, Version},
};
pub(crate) use tokenflight_store_postgres::{Connections, PostgresCell, PostgresError};
pub(crate) use tokenflight_test::postgres::{Postgres, Stop};

pub(crate) use crate::support::{
    APP, cell, connections,
    ops::{Rows, claim, commit, failed, is_set, key, logged_in, login, op, state, stored},
    server, shared,
    wrapped::Wrapped,
};
