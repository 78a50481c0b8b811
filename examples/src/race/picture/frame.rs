//! What is around the lanes: ground, title, axis.

use svg::{
    Document,
    node::element::{Definitions, Group, Pattern},
};

use super::{
    paint::{FAINT, FONT, Hold, INK, SOFT, bold, line, rectangle, text},
    scale::{MARGIN, RIGHT, Scale, TOP, WIDTH},
};
use crate::race::{
    Options,
    stage::{API_LATENCY, TOKEN_LATENCY},
};

pub(in crate::race) fn canvas(scale: &Scale) -> Document {
    let hatch = Pattern::new()
        .set("id", "dead")
        .set("width", 9)
        .set("height", 9)
        .set("patternUnits", "userSpaceOnUse")
        .set("patternTransform", "rotate(45)")
        .add(rectangle(0.0, 0.0, 9.0, 9.0, "#fbf1f0"))
        .add(rectangle(0.0, 0.0, 1.6, 9.0, "#f2d9d6"));
    Document::new()
        .set("viewBox", (0, 0, WIDTH, scale.height()))
        .set("width", WIDTH)
        .set("height", scale.height())
        .set("font-family", FONT)
        .add(Definitions::new().add(hatch))
        .add(rectangle(0.0, 0.0, WIDTH, scale.height(), "#ffffff"))
}

pub(in crate::race) fn header(options: &Options) -> Group {
    let given = format!(
        "{} {} each · an access token lives {} s · {} % of ordinary requests are cancelled · token endpoint {}–{} ms, \
         API {} ms · seed {}",
        options.workers,
        if options.workers == 1 { "worker" } else { "workers" },
        options.lifetime.get(),
        (options.cancel * 1_000.0).round() / 10.0,
        TOKEN_LATENCY.0.as_millis(),
        TOKEN_LATENCY.1.as_millis(),
        API_LATENCY.as_millis(),
        options.seed,
    );
    titled("Four clients, four logins, one server that revokes a session when a refresh token comes back", 22.0, given)
}

/// A title of this size, and below it what was given.
pub(in crate::race) fn titled(title: &str, size: f64, given: String) -> Group {
    let title = bold(text(title, MARGIN, 48.0, size, INK, Hold::Start));
    Group::new().add(title).add(text(given, MARGIN, 76.0, 13.5, SOFT, Hold::Start))
}

pub(in crate::race) fn axis(scale: &Scale) -> Group {
    let bottom = scale.bottom();
    let mut group = Group::new();
    let ticks = scale.ticks();
    for (at, tick) in ticks.iter().enumerate() {
        let x = scale.x(std::time::Duration::from_secs_f64(*tick));
        let unit = if at + 1 == ticks.len() { " s" } else { "" };
        let hold = if x > RIGHT - 8.0 { Hold::End } else { Hold::Middle };
        group = group.add(line((x, TOP - 8.0), (x, bottom + 6.0), 1.0, FAINT)).add(text(
            format!("{tick}{unit}"),
            x,
            bottom + 24.0,
            12.5,
            SOFT,
            hold,
        ));
    }
    group
}
