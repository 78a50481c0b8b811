//! What the user reads.

mod behaviour;
mod policy;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};

use super::{
    load::Counts,
    settings::Settings,
    stage::{Alive, Outcome},
};
use tokenflight_examples::figures::{latency, thousands};

/// Whether nothing went wrong that was not asked for.
#[must_use]
pub(super) fn clean(outcome: &Outcome) -> bool {
    outcome.counts.failed() == 0 && outcome.alive == Alive::Yes
}

/// The numbers, the errors, and what the provider does.
#[must_use]
pub(super) fn render(settings: &Settings, outcome: &Outcome) -> String {
    let mut parts = Vec::new();
    if let Some(reason) = outcome.interrupted {
        parts.push(format!("The run ended early: {reason}."));
    }
    parts.push(numbers(outcome).to_string());
    parts.extend(errors(&outcome.counts));
    parts.push(behaviour::table(settings, outcome).to_string());
    parts.push(policy::recommend(&outcome.seen, &outcome.grace, settings.provider).to_string());
    parts.join("\n\n")
}

/// One row, as the race has one for each client.
fn numbers(outcome: &Outcome) -> Table {
    let (counts, seen) = (&outcome.counts, &outcome.seen);
    let mut table = plain();
    table.set_header([
        "requests",
        "cancelled",
        "401s to\nworkers",
        "errors",
        "token\nrequests",
        "refreshes",
        "failed\nrefreshes",
        "longest\nrefresh",
        "session",
    ]);
    let failures: Vec<String> =
        seen.failures.iter().map(|(class, count)| format!("{} {class}", thousands(*count))).collect();
    table.add_row([
        thousands(counts.requests),
        thousands(counts.cancelled),
        thousands(counts.unauthorized),
        thousands(counts.failed() - counts.unauthorized),
        thousands(seen.token_requests),
        thousands(seen.refreshes),
        if failures.is_empty() { "0".to_owned() } else { failures.join("\n") },
        latency(Some(seen.longest.as_secs_f64() * 1_000.0)),
        match &outcome.alive {
            Alive::Yes => "alive".to_owned(),
            Alive::No(_) => "ended".to_owned(),
            Alive::Unclear(_) => "unclear".to_owned(),
        },
    ]);
    table.column_iter_mut().for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

fn errors(counts: &Counts) -> Option<String> {
    let mut lines: Vec<String> =
        counts.errors.iter().map(|(words, count)| format!("  {} × {words}", thousands(*count))).collect();
    if counts.unauthorized > 0 {
        lines.push(format!(
            "  {} × 401; if tokens end earlier than announced, --skew 1 helps",
            thousands(counts.unauthorized)
        ));
    }
    (!lines.is_empty()).then(|| format!("Errors that reached workers:\n{}", lines.join("\n")))
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table
}
