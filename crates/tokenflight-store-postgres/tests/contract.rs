//! The contract, over a real server.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod support;

use tokenflight_core::store::CellStore;
use tokenflight_test::contract;

use self::support::{cell, setting, shared};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_keeps_the_contract_of_cells() {
    let Some(server) = shared() else { return };
    contract::cell(&cell(server).await, &setting("rows")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_over_rows_keeps_the_contract_of_stores() {
    let Some(server) = shared() else { return };
    contract::store(&CellStore::new(cell(server).await), &setting("store")).await;
}
