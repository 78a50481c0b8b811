//! The numbers as a table.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};

use super::Standing;

/// One row a client.
#[must_use]
pub(crate) fn table(standings: &[Standing]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([
        "client",
        "requests",
        "401s to\ncallers",
        "token\nrequests",
        "refresh\ntokens seen\ntwice",
        "session",
        "p50",
        "p99",
    ]);
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
#[must_use]
pub(crate) fn session(standing: &Standing) -> String {
    match standing.died {
        Some(died) => format!("dead at {:.1} s", died.as_secs_f64()),
        None => "alive".to_owned(),
    }
}

/// Milliseconds, with one digit below ten.
#[must_use]
pub(crate) fn latency(millis: Option<f64>) -> String {
    match millis {
        Some(millis) if millis < 10.0 => format!("{millis:.1} ms"),
        Some(millis) => format!("{millis:.0} ms"),
        None => "–".to_owned(),
    }
}

/// A number with commas.
#[must_use]
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
