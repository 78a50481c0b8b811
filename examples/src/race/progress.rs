use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Clock;

/// How often the bar moves.
const BEAT: Duration = Duration::from_millis(100);

/// A bar on standard error, hidden where that is no terminal.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A visible bar.
    pub(crate) fn shown() -> Self {
        Self::on(ProgressDrawTarget::stderr())
    }

    fn on(target: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(None, target);
        // A template that does not parse leaves the plain bar.
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {prefix}\n{wide_msg}") {
            bar.set_style(style.progress_chars("━╸ "));
        }
        Self(bar)
    }

    /// Moves the bar until the race is over.
    pub(super) async fn follow(&self, clock: Clock, end: Duration, words: impl Fn() -> String) {
        self.0.set_length(millis(end));
        loop {
            let now = clock.now().min(end);
            self.0.set_position(millis(now));
            self.0.set_prefix(format!("{:.1} of {:.0} s", now.as_secs_f64(), end.as_secs_f64()));
            self.0.set_message(words());
            if now >= end {
                break;
            }
            clock.sleep(BEAT.min(end - now)).await;
        }
        self.0.finish_and_clear();
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
