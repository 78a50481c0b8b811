//! The contract, over a real server.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod support;

use tokenflight_core::store::CellStore;
use tokenflight_test::contract;
use tokio::{runtime::Handle, task::block_in_place};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_operation_has_done_survives_its_connections() {
    let Some(server) = shared() else { return };
    let open = || CellStore::new(block_in_place(|| Handle::current().block_on(cell(server))));
    contract::survives(open, &setting("survives")).await;
}
