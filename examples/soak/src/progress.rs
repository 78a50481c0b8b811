use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{books::Books, load::Tally};
use tokenflight_examples::{clock::Clock, figures::thousands};

/// How often the bar moves.
const BEAT: Duration = Duration::from_millis(200);

/// Moves a bar on standard error, which is hidden where that is no terminal, until it is dropped.
pub(super) async fn follow(clock: Clock, length: Duration, tally: Tally, books: Books) {
    let bar = Bar(ProgressBar::new(millis(length)));
    // A template that does not parse leaves the plain bar.
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {prefix}\n{wide_msg}") {
        bar.0.set_style(style.progress_chars("━╸ "));
    }
    let begin = clock.now();
    loop {
        let passed = clock.now().saturating_sub(begin).min(length);
        bar.0.set_position(millis(passed));
        bar.0.set_prefix(format!("{:.0} of {:.0} s", passed.as_secs_f64(), length.as_secs_f64()));
        let (counts, seen) = (tally.read(), books.read());
        bar.0.set_message(format!(
            "{} requests · {} cancelled · {} 401s · {} failed · {} refreshes · {}",
            thousands(counts.requests),
            thousands(counts.cancelled),
            thousands(counts.unauthorized),
            thousands(counts.failed()),
            thousands(seen.refreshes),
            if seen.ended { "session ended" } else { "session alive" },
        ));
        clock.sleep(BEAT).await;
    }
}

/// Leaves no trace on the terminal.
struct Bar(ProgressBar);

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
