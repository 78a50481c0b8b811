//! The contract of stores, kept by files: by one store, by two in a process, by two processes.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod pair;
mod remote;
#[path = "../support/mod.rs"]
mod support;
mod wire;

use std::time::Duration;

use tokenflight::time::TokioTime;
use tokenflight_core::store::Store;
use tokenflight_store_file::FileStore;
use tokenflight_test::contract::{self, Setting, WaitingClock};

use self::{
    pair::Pair,
    remote::Remote,
    support::{Folder, child},
};

/// What a child process does; not a test by itself.
#[test]
fn child() {
    if child::part().is_some() {
        remote::serve();
    }
}

fn setting() -> Setting {
    Setting::new().clock(WaitingClock(TokioTime::new())).claim_length(Duration::from_secs(2))
}

#[tokio::test]
async fn one_store_keeps_the_contract() {
    let folder = Folder::new();
    contract::store(&FileStore::in_dir(folder.join("state")), &setting()).await;
}

#[tokio::test]
async fn two_stores_of_one_process_keep_the_contract() {
    let folder = Folder::new();
    let stores = [FileStore::in_dir(folder.path()), FileStore::in_dir(folder.path())];
    contract::store(&Pair::new(stores.map(|store| Box::new(store) as Box<dyn Store>)), &setting()).await;
}

#[tokio::test]
async fn two_processes_keep_the_contract() {
    let folder = Folder::new();
    let here = FileStore::in_dir(folder.path());
    let there = Remote::start(folder.path());
    contract::store(&Pair::new([Box::new(here), Box::new(there)]), &setting()).await;
}

#[tokio::test]
async fn what_an_operation_has_done_survives() {
    let folder = Folder::new();
    contract::survives(|| FileStore::in_dir(folder.path()), &setting()).await;
}

#[tokio::test]
async fn what_another_process_has_done_survives_its_end() {
    let folder = Folder::new();
    contract::survives(|| Remote::start(folder.path()), &setting()).await;
}

#[test]
fn a_session_over_files_renews_ahead_of_need_only_while_it_is_used() {
    assert!(!FileStore::in_dir("unused").is_private());
}
