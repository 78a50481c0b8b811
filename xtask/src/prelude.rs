//! What several of the files here use.

pub(crate) use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Component, Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

pub(crate) use crate::{
    callgrind::instructions,
    cargo::{Cargo, printed, root, target_dir},
    columns,
    copy::patches,
    counts, faults,
    libtest::Tests,
    peers, plugins, published, servers,
    source::files,
    step::Report,
};
