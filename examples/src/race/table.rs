//! The numbers as a table.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};

use super::Standing;
use crate::figures::{latency, thousands};

/// One row a client.
pub(crate) fn table(standings: &[Standing]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    let header = "client|requests|401s to\ncallers|token\nrequests|refresh\ntokens seen\ntwice|session|p50|p99";
    table.set_header(header.split('|'));
    for standing in standings {
        let numbers = &standing.numbers;
        table.add_row([
            standing.kind.name().to_owned(),
            thousands(numbers.requests),
            thousands(numbers.unauthorized),
            thousands(numbers.token_requests),
            thousands(numbers.presented_twice),
            session(standing),
            latency(numbers.p50_ms),
            latency(numbers.p99_ms),
        ]);
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

/// How the session is.
pub(crate) fn session(standing: &Standing) -> String {
    match standing.died {
        Some(died) => format!("dead at {:.1} s", died.as_secs_f64()),
        None => "alive".to_owned(),
    }
}
