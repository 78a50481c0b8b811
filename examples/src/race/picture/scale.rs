use std::time::Duration;

/// Width of the picture.
pub(in crate::race) const WIDTH: f64 = 1240.0;
/// Where text begins and lanes end.
pub(in crate::race) const MARGIN: f64 = 36.0;
/// Where the lanes' text ends.
pub(in crate::race) const TEXT_END: f64 = 332.0;
/// Where the time axis begins.
pub(in crate::race) const LEFT: f64 = 360.0;
/// Where the time axis ends.
pub(in crate::race) const RIGHT: f64 = WIDTH - MARGIN;
/// Where the first lane begins.
pub(in crate::race) const TOP: f64 = 124.0;
/// From lane to lane.
pub(in crate::race) const LANE: f64 = 166.0;
/// What of it is used.
pub(in crate::race) const LANE_BODY: f64 = 148.0;
/// Width of one bar of requests.
pub(in crate::race) const BAR: f64 = 4.0;

/// From the time of the race to places in the picture.
pub(in crate::race) struct Scale {
    seconds: f64,
    lanes: usize,
}

impl Scale {
    pub(in crate::race) fn new(end: Duration, lanes: usize) -> Self {
        Self { seconds: end.as_secs_f64(), lanes }
    }

    /// Where a moment is; what lies after the end is at the end.
    pub(in crate::race) fn x(&self, at: Duration) -> f64 {
        LEFT + (RIGHT - LEFT) * (at.as_secs_f64() / self.seconds).min(1.0)
    }

    /// How many bars there are.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A few hundred.
    pub(in crate::race) fn bars(&self) -> usize {
        ((RIGHT - LEFT) / BAR) as usize
    }

    /// The bar a moment belongs to.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Within the picture.
    pub(in crate::race) fn bar(&self, at: Duration) -> usize {
        (((self.x(at) - LEFT) / BAR) as usize).min(self.bars() - 1)
    }

    /// Top of a lane.
    #[allow(clippy::cast_precision_loss)] // Four lanes.
    pub(in crate::race) fn lane(&self, row: usize) -> f64 {
        TOP + LANE * row as f64
    }

    /// Where the lanes end and the axis stands.
    pub(in crate::race) fn bottom(&self) -> f64 {
        self.lane(self.lanes) - (LANE - LANE_BODY)
    }

    /// Height of the picture.
    pub(in crate::race) fn height(&self) -> f64 {
        self.bottom() + 150.0
    }

    /// Round numbers of seconds for the axis, at most a dozen.
    pub(in crate::race) fn ticks(&self) -> Vec<f64> {
        let steps = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0];
        let step = steps.into_iter().find(|step| self.seconds / step <= 12.0).unwrap_or(600.0);
        let mut ticks = Vec::new();
        let mut tick = 0.0;
        while tick <= self.seconds + step * 1e-6 {
            ticks.push(tick);
            tick += step;
        }
        ticks
    }
}
