use comfy_table::{CellAlignment, Table};
use tokenflight_oauth2::provider::{self, Provider};

use super::{behaviour, policy, table::plain};
use crate::{
    args::Soak,
    command::soak::{alive::Alive, load::Counts, stage::Outcome},
};

/// The numbers, the errors, and what the provider does.
pub(in crate::command::soak) fn render(asked: &Soak, row: Option<&'static Provider>, outcome: &Outcome) -> String {
    let mut parts = Vec::new();
    if let Some(reason) = outcome.interrupted {
        parts.push(format!("The run ended early: {reason}."));
    }
    parts.push(numbers(outcome).to_string());
    parts.extend(errors(&outcome.counts));
    parts.push(behaviour::table(asked.duration, outcome).to_string());
    parts.push(policy::recommend(&outcome.seen, &outcome.grace, row.unwrap_or(provider::UNKNOWN)).to_string());
    parts.join("\n\n")
}

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
    let failures: Vec<_> = seen.failures.iter().map(|(class, count)| format!("{count} {class}")).collect();
    table.add_row([
        counts.requests.to_string(),
        counts.cancelled.to_string(),
        counts.unauthorized.to_string(),
        (counts.failed() - counts.unauthorized).to_string(),
        seen.token_requests.to_string(),
        seen.refreshes.to_string(),
        if failures.is_empty() { "0".to_owned() } else { failures.join("\n") },
        format!("{:.0} ms", seen.longest.as_secs_f64() * 1_000.0),
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
    let mut lines: Vec<String> = counts.errors.iter().map(|(words, count)| format!("  {count} × {words}")).collect();
    if counts.unauthorized > 0 {
        lines.push(format!("  {} × 401; if tokens end earlier than announced, --skew 1s helps", counts.unauthorized));
    }
    (!lines.is_empty()).then(|| format!("Errors that reached workers:\n{}", lines.join("\n")))
}
