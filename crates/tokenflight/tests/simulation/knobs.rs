//! What may go wrong, one name each, and how often it did.

use crate::prelude::*;

macro_rules! knobs {
    ($($name:ident),* $(,)?) => {
        /// One kind of trouble. Any can be left out of a seed, to see whether it mattered.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Knob { $($name),* }

        impl Knob {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

knobs! {
    // Who moves things on.
    NoDriver, FewCallers, DriversInTurn, CallsCancelled, ProcessDies, RuntimeEnds,
    // Answers of the store that are lost or do not come, by operation and by kind.
    Load, Claim, Commit, End, Settle, Reset,
    NotDone, Unknown, FailAfter, Late, Zombie, HangBefore, HangAfter,
    StoreSlow, StoreDown,
    // User code that uses its own session.
    GrantLogsOut, GrantAsks, GrantShutsDown,
    ListenerLogsOut, ListenerAsks, ListenerShutsDown,
    // Clocks.
    WallForward, WallBack, Suspend,
    // The authorization server.
    ServerFaults, AnswersLost, ServerEnds,
}

impl Knob {
    /// What happens in few seeds, or is seldom noticed: left out whenever it was met, or it would
    /// not be known to matter.
    pub(crate) const RARE: &[Self] = &[
        Self::ProcessDies,
        Self::End,
        Self::Settle,
        Self::Reset,
        Self::HangBefore,
        Self::HangAfter,
        Self::GrantLogsOut,
        Self::GrantAsks,
        Self::GrantShutsDown,
        Self::ListenerShutsDown,
        Self::WallForward,
        Self::WallBack,
    ];

    pub(crate) const fn of_op(kind: OpKind) -> Self {
        match kind {
            OpKind::Load => Self::Load,
            OpKind::Claim => Self::Claim,
            OpKind::Commit => Self::Commit,
            OpKind::End => Self::End,
            OpKind::Settle => Self::Settle,
            OpKind::Reset | OpKind::Again => Self::Reset,
        }
    }

    pub(crate) const fn of_trouble(trouble: Trouble) -> Option<Self> {
        Some(match trouble {
            Trouble::Fail => Self::NotDone,
            Trouble::Unknown => Self::Unknown,
            Trouble::FailAfter => Self::FailAfter,
            Trouble::Late => Self::Late,
            Trouble::Zombie => Self::Zombie,
            Trouble::Hang => Self::HangBefore,
            Trouble::HangAfter => Self::HangAfter,
            _ => return None,
        })
    }
}

/// How often each fired in one seed, and which is left out.
#[derive(Debug)]
pub(crate) struct Knobs {
    fired: [AtomicU64; Knob::ALL.len()],
    without: Option<Knob>,
}

impl Knobs {
    pub(crate) fn without(knob: Option<Knob>) -> Arc<Self> {
        Arc::new(Self { fired: std::array::from_fn(|_| AtomicU64::new(0)), without: knob })
    }

    pub(crate) fn has(&self, knob: Knob) -> bool {
        self.without != Some(knob)
    }

    /// Whether it happens now that chance wants it to.
    pub(crate) fn fire(&self, knob: Knob) -> bool {
        let fires = self.has(knob);
        self.fired[knob as usize].fetch_add(u64::from(fires), Ordering::Relaxed);
        fires
    }

    pub(crate) fn fired(&self) -> Vec<u64> {
        self.fired.iter().map(|fired| fired.load(Ordering::Relaxed)).collect()
    }
}

/// How often each fired in many seeds, and how often a seed came to something else without it.
#[derive(Clone, Debug)]
pub(crate) struct Tally(Vec<Line>);

#[derive(Clone, Copy, Debug, Default)]
struct Line {
    times: u64,
    seeds: u64,
    left_out: u64,
    mattered: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self(vec![Line::default(); Knob::ALL.len()])
    }
}

impl Tally {
    pub(crate) fn count(&mut self, fired: &[u64]) {
        for (line, fired) in self.0.iter_mut().zip(fired) {
            line.times += fired;
            line.seeds += u64::from(*fired > 0);
        }
    }

    /// A seed in which it fired was run once more without it.
    pub(crate) fn left_out(&mut self, knob: Knob, mattered: bool) {
        let line = &mut self.0[knob as usize];
        line.left_out += 1;
        line.mattered += u64::from(mattered);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (line, other) in self.0.iter_mut().zip(&other.0) {
            line.times += other.times;
            line.seeds += other.seeds;
            line.left_out += other.left_out;
            line.mattered += other.mattered;
        }
    }

    /// Those that happened in fewer seeds than this, or made a difference to fewer.
    pub(crate) fn idle(&self, least: u64) -> Vec<Knob> {
        let idle = |(knob, line): (&Knob, &Line)| (line.seeds.min(line.mattered) < least).then_some(*knob);
        Knob::ALL.iter().zip(&self.0).filter_map(idle).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>18}  {:>9} {:>8}   outcomes that were others without it", "", "times", "seeds")?;
        for (knob, line) in Knob::ALL.iter().zip(&self.0) {
            let Line { times, seeds, left_out, mattered } = line;
            let name = format!("{knob:?}");
            writeln!(f, "{name:>18}  {times:>9} {seeds:>8}   {mattered} of {left_out}")?;
        }
        Ok(())
    }
}
