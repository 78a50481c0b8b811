//! The numbers as a table.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};

use super::standing::Standing;
use crate::figures::thousands;

/// One row a contestant.
pub(in crate::race) fn table(standings: &[Standing]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    let header = "contestant|calls\nserved|submissions\n− rotations|struck|logins\nlost|of these by\nlost answers|\
                  longest wait\nfor a token|longest\nlogin";
    table.set_header(header.split('|'));
    for Standing { kind, numbers, .. } in standings {
        table.add_row([
            kind.name().to_owned(),
            thousands(numbers.served),
            format!("{} − {} = {}", numbers.submissions, numbers.rotations, numbers.in_vain),
            thousands(numbers.strikes),
            thousands(numbers.logins_lost),
            thousands(numbers.logins_lost_to_strikes),
            format!("{:.2} s", numbers.longest_wait_s),
            if numbers.longest_login_s > 0.0 { format!("{:.2} s", numbers.longest_login_s) } else { "–".to_owned() },
        ]);
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}
