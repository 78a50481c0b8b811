//! What several of the files here use.

pub(super) use std::{
    io,
    path::PathBuf,
    process,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

pub(super) use serde::{Deserialize, Serialize};
pub(super) use tokenflight::{BoxError, Time, TokenSet, time::TokioTime};
pub(super) use tokenflight_test::AuthServer;
pub(super) use tokio::{
    io::AsyncWriteExt,
    process::{Child, ChildStdin},
    sync::{mpsc::UnboundedSender, watch},
    task::JoinSet,
};

pub(super) use crate::race::{
    Clock, Options,
    processes::{
        Faults,
        kind::Kind,
        ledger::Ledger,
        living::{Living, Place},
        message::Message,
        person::Call,
        signal,
        spec::{Part, STOP, Spec},
        standing::Standing,
        starter::Starter,
    },
};
