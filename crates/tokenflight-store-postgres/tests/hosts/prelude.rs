//! What several of the files here use.

pub(crate) use std::{
    env, fmt,
    process::{Child, Command},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

pub(crate) use tokenflight::{GrantKey, Session, Time, time::TokioTime};
pub(crate) use tokenflight_core::store::Store;
pub(crate) use tokenflight_store_postgres::{Connections, PostgresCell};
pub(crate) use tokenflight_test::{
    auth::{Report, Reused},
    postgres::Postgres,
};

pub(crate) use crate::{
    history::{History, Span},
    host::Say,
    line::{Line, Step, What},
    settings::Settings,
};
