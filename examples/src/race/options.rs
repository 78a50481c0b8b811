use std::{path::PathBuf, time::Duration};

use clap::Parser;

use super::Faults;

/// Four clients race to keep a login alive against an authorization server that rotates refresh
/// tokens and ends the session when one of them is presented twice.
///
/// Everything runs in this process, over real TCP on loopback. Each client has a login and
/// connections of its own, and all get the same work. The exit code is 1 if tokenflight lost its
/// session or presented a refresh token twice.
///
/// With `--processes` it is another race: seven ways to share one login among that many processes.
#[derive(Clone, Debug, Parser)]
#[command(name = "race", version, max_term_width = 100)]
#[non_exhaustive]
pub struct Options {
    /// Races processes instead: so many for each of seven contestants, which keep one login in a
    /// folder [1 to 64].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=64))]
    pub processes: Option<u16>,

    /// With --processes: what the server does to the process that presents, after it has rotated
    /// and before it answers.
    #[arg(long, default_value = "none", value_name = "WHAT", requires = "processes")]
    pub faults: Faults,

    /// With --processes: to every which rotation of each contestant it does that [1 to 1000].
    #[arg(long, default_value_t = 4, value_name = "N", allow_negative_numbers = true, requires = "processes")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub every: u32,

    /// With --processes: for how long the server answers a spent refresh token with new tokens, in
    /// seconds [0 to 600].
    #[arg(long, default_value = "0", value_name = "S", allow_negative_numbers = true, value_parser = within::<0, 600>)]
    #[arg(requires = "processes")]
    pub grace: Seconds,

    /// Workers of each client, sending one request after another [1 to 512].
    #[arg(long, default_value_t = 32, value_name = "N", allow_negative_numbers = true, conflicts_with = "processes")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=512))]
    pub workers: u16,

    /// How long the race takes, in seconds [1 to 600].
    #[arg(long, default_value = "20", value_name = "S", allow_negative_numbers = true, value_parser = within::<1, 600>)]
    pub seconds: Seconds,

    /// How long an access token lives, in seconds, fractions allowed [1 to 600].
    #[arg(long, default_value = "2", value_name = "S", allow_negative_numbers = true, value_parser = within::<1, 600>)]
    pub lifetime: Seconds,

    /// Share of ordinary requests whose caller gives up at a random moment, from 0 up to but not
    /// including 1. Patience is memoryless: a request that takes ten times as long is given up
    /// about ten times as often
    #[arg(long, default_value_t = 0.05, value_name = "SHARE", allow_negative_numbers = true, value_parser = share)]
    #[arg(conflicts_with = "processes")]
    pub cancel: f64,

    /// Where think times, cancellations, tokens and latencies come from.
    #[arg(long, default_value_t = 1, value_name = "N", allow_negative_numbers = true)]
    pub seed: u64,

    /// Writes all numbers as JSON to FILE; without one, or with `-`, to standard output.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub json: Option<PathBuf>,

    /// Where the picture goes.
    #[arg(long, default_value = "target/race.svg", value_name = "PATH")]
    pub svg: PathBuf,

    /// Plays the part of one process of a contestant, as standard input says.
    #[arg(long, hide = true)]
    pub child: bool,

    /// The arguments with which this program is started as a child.
    #[arg(skip = vec!["--child".to_owned()])]
    pub child_arguments: Vec<String>,
}

/// A number of seconds from the command line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seconds(f64);

impl Seconds {
    /// The plain number.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// As a duration.
    pub fn duration(self) -> Duration {
        Duration::from_secs_f64(self.0)
    }
}

fn number(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number.is_finite() { Ok(number) } else { Err("not a finite number".to_owned()) }
}

fn within<const LEAST: u32, const MOST: u32>(text: &str) -> Result<Seconds, String> {
    let seconds = number(text)?;
    if (f64::from(LEAST)..=f64::from(MOST)).contains(&seconds) {
        Ok(Seconds(seconds))
    } else {
        Err(format!("must be between {LEAST} and {MOST} seconds"))
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share = number(text)?;
    if (0.0..1.0).contains(&share) {
        Ok(share)
    } else {
        Err("must be at least 0 and less than 1: if every request were given up, there would be no race".to_owned())
    }
}
