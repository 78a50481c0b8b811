//! Title, and what was given.

use svg::node::element::Group;

use crate::race::{Options, picture::frame::titled, processes::Faults, stage::TOKEN_LATENCY};

pub(super) fn header(options: &Options, processes: u16) -> Group {
    let title =
        "Seven ways to share one login among processes, one server that ends it when a refresh token comes back";
    let faults = match (options.faults, options.every) {
        (Faults::None, _) => Faults::None.words().to_owned(),
        (faults, 1) => format!("the presenter is {} at each rotation", faults.words()),
        (faults, every) => format!("the presenter is {} at one rotation in {every}", faults.words()),
    };
    let given = format!(
        "{processes} {} each · an access token lives {} s · {faults} · token endpoint {}–{} ms · grace {} s · seed {}",
        if processes == 1 { "process" } else { "processes" },
        options.lifetime.get(),
        TOKEN_LATENCY.0.as_millis(),
        TOKEN_LATENCY.1.as_millis(),
        options.grace.get(),
        options.seed,
    );
    titled(title, 21.0, given)
}
