//! The contract of stores, kept by files: by one store, by two in a process, by two processes.

mod support;

use std::time::Duration;

use tokenflight::time::TokioTime;
use tokenflight_core::store::Store;
use tokenflight_store_file::FileStore;
use tokenflight_test::contract::{self, Setting, WaitingClock};

use self::support::Folder;

fn setting() -> Setting {
    Setting::new().clock(WaitingClock(TokioTime::new())).claim_length(Duration::from_secs(1))
}

#[tokio::test]
async fn one_store_keeps_the_contract() {
    let folder = Folder::new();
    contract::store(&FileStore::in_dir(folder.join("state")), &setting()).await;
}

#[tokio::test]
async fn what_an_operation_has_done_survives() {
    let folder = Folder::new();
    contract::survives(|| FileStore::in_dir(folder.path()), &setting()).await;
}

#[test]
fn a_session_over_files_renews_ahead_of_need_only_while_it_is_used() {
    assert!(!FileStore::in_dir("unused").is_private());
}
