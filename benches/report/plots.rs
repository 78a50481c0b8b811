//! The plots.

use std::path::Path;

use plotters::{
    coord::{
        Shift,
        ranged1d::{AsRangedCoord, ValueFormatter},
        types::RangedCoordf64,
    },
    prelude::*,
};

use crate::{
    BoxError,
    figures::{Figures, Peer},
};

const SIZE: (u32, u32) = (840, 440);
const FONT: &str = "sans-serif";
/// Told apart also by those who do not see all colours; ours is the first.
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(130, 130, 130),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(60, 60, 60),
];

/// A line: what it is called, and where it goes.
struct Line {
    name: &'static str,
    points: Vec<(f64, f64)>,
}

/// What is drawn, and what its axes are called.
struct Picture<'a> {
    title: &'a str,
    x: &'a str,
    y: &'a str,
    lines: Vec<Line>,
    /// Where there is room for the names.
    legend: SeriesLabelPosition,
}

pub(crate) fn headers(figures: &Figures, file: &Path) -> Result<(), BoxError> {
    let line = |name, case| Line {
        name,
        points: [0, 8, 20]
            .into_iter()
            .filter_map(|headers| Some((f64::from(headers), figures.instructions("request", headers, case)?)))
            .collect(),
    };
    let picture = Picture {
        title: "Instructions a request, net of the service; names of headers are constants",
        x: "headers of the request",
        y: "instructions",
        lines: vec![
            line("tokenflight", "bearer"),
            line("tower::retry, fixed token", "retry"),
            line("tokenflight, replays off", "once"),
            line("fixed token", "fixed"),
        ],
        legend: SeriesLabelPosition::UpperLeft,
    };
    let most = picture.most();
    draw(&picture, file, 0.0..20.5, 0.0..most * 1.05)
}

pub(crate) fn threads(figures: &Figures, file: &Path) -> Result<(), BoxError> {
    let line = |name, case| Line {
        name,
        points: figures
            .course("lock_contention/readers", case)
            .into_iter()
            .filter_map(|time| Some((whole(time.size?), time.rate() / 1e6)))
            .collect(),
    };
    let picture = Picture {
        title: "Reads of the token, a writer every 10 ms",
        x: "threads",
        y: "million reads a second",
        lines: vec![
            line("tokenflight", "bearer"),
            line("arc-swap", "arcswap"),
            line("watch", "watch"),
            line("RwLock", "rwlock"),
            line("one value, no writer", "fixed"),
        ],
        legend: SeriesLabelPosition::MiddleRight,
    };
    let (most, threads) = (picture.most(), picture.furthest());
    draw(&picture, file, 0.9..threads + 0.1, 0.0..most * 1.05)
}

pub(crate) fn storm(figures: &Figures, file: &Path) -> Result<(), BoxError> {
    let line = |name, case| Line {
        name,
        points: figures
            .course("storm", case)
            .into_iter()
            .filter_map(|time| {
                let waiters = whole(time.size?);
                Some((waiters, time.median / waiters))
            })
            .collect(),
    };
    let picture = Picture {
        title: "A storm on one thread: time for each waiter, the task included",
        x: "waiters",
        y: "nanoseconds",
        lines: vec![
            line("tokenflight", "session"),
            line("Shared, its own task", "shared-result"),
            line("tokio Mutex", "mutex"),
            line("tokio watch", "watch"),
            line("the task alone", "tasks"),
            line("tokio OnceCell", "once-cell"),
        ],
        legend: SeriesLabelPosition::LowerRight,
    };
    let most = picture.most();
    draw(&picture, file, (100.0..120_000.0).log_scale(), 0.0..most * 1.05)
}

/// Sizes are far below where that would matter.
#[allow(clippy::cast_precision_loss)]
const fn whole(number: u64) -> f64 {
    number as f64
}

impl Picture<'_> {
    fn furthest(&self) -> f64 {
        self.lines.iter().flat_map(|line| &line.points).map(|(x, _)| *x).fold(1.0, f64::max)
    }

    fn most(&self) -> f64 {
        self.lines.iter().flat_map(|line| &line.points).map(|(_, y)| *y).fold(1e-9, f64::max)
    }
}

fn draw<X, Y>(picture: &Picture<'_>, file: &Path, x: X, y: Y) -> Result<(), BoxError>
where
    X: AsRangedCoord<Value = f64, CoordDescType: ValueFormatter<f64>>,
    Y: AsRangedCoord<Value = f64, CoordDescType = RangedCoordf64>,
{
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(picture.title, (FONT, 20))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(68)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(BLACK.mix(0.12))
        .light_line_style(TRANSPARENT)
        .axis_style(BLACK.mix(0.4))
        .x_desc(picture.x)
        .y_desc(picture.y)
        .label_style((FONT, 14))
        .axis_desc_style((FONT, 15))
        // There is no half of a thread.
        .x_label_formatter(&|value| if value.fract().abs() < 1e-6 { format!("{value:.0}") } else { String::new() })
        .y_label_formatter(&|value| format!("{value:.0}"))
        .draw()?;
    for (line, colour) in picture.lines.iter().zip(COLOURS) {
        let style = colour.stroke_width(if colour == COLOURS[0] { 3 } else { 2 });
        chart
            .draw_series(LineSeries::new(line.points.iter().copied(), style))?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], style));
        chart.draw_series(line.points.iter().map(|point| Circle::new(*point, 4, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(picture.legend.clone())
        .background_style(WHITE.mix(0.85))
        .label_font((FONT, 14))
        .draw()?;
    root.present()?;
    Ok(())
}

/// Two panels of bars, at eight headers: the cost of a whole layer, and of a read of the token.
pub(crate) fn peers(figures: &Figures, file: &Path) -> Result<(), BoxError> {
    let panel = |measured: &str| {
        let shown = figures.peers.iter().filter(|peer| peer.headers == 8 && peer.measured == measured);
        let mut shown: Vec<&Peer> = shown.collect();
        shown.sort_by(|one, other| one.instructions.total_cmp(&other.instructions));
        shown
    };
    let (layers, reads) = (panel("whole layer"), panel("token read"));
    let height = |peers: &[&Peer]| Ok::<_, BoxError>(90 + 26 * u32::try_from(peers.len())?);
    let (upper, lower) = (height(&layers)?, height(&reads)?);
    let root = SVGBackend::new(file, (SIZE.0, upper + lower)).into_drawing_area();
    root.fill(&WHITE)?;
    let (above, below) = root.split_vertically(upper);
    bars(&above, "A whole layer: instructions a call with a fresh token, 8 headers", &layers)?;
    bars(&below, "A read of the token, to be put on a request by hand: instructions", &reads)?;
    root.present()?;
    Ok(())
}

/// The cheapest first.
fn bars(area: &DrawingArea<SVGBackend<'_>, Shift>, title: &str, shown: &[&Peer]) -> Result<(), BoxError> {
    let most = shown.iter().map(|peer| peer.instructions).fold(1.0, f64::max);
    let rows = i32::try_from(shown.len())?;
    let mut chart = ChartBuilder::on(area)
        .caption(title, (FONT, 20))
        .margin(16)
        .margin_right(60)
        .x_label_area_size(36)
        .y_label_area_size(240)
        .build_cartesian_2d(0.0..most, (0..rows - 1).into_segmented())?;
    let label = |at: &SegmentValue<i32>| match at {
        SegmentValue::CenterOf(at) => {
            let at = usize::try_from(rows - 1 - at).ok();
            at.and_then(|at| shown.get(at)).map_or_else(String::new, |peer| peer.name.clone())
        }
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .bold_line_style(BLACK.mix(0.12))
        .light_line_style(TRANSPARENT)
        .axis_style(BLACK.mix(0.4))
        .y_labels(shown.len())
        .y_label_formatter(&label)
        .x_label_formatter(&|value| format!("{value:.0}"))
        .label_style((FONT, 14))
        .draw()?;
    chart.draw_series(shown.iter().zip((0..rows).rev()).map(|(peer, row)| {
        let colour = if peer.name.starts_with("tokenflight") { COLOURS[0] } else { COLOURS[4] };
        let (from, to) = (SegmentValue::Exact(row), SegmentValue::Exact(row + 1));
        let mut bar = Rectangle::new([(0.0, from), (peer.instructions, to)], colour.filled());
        bar.set_margin(4, 4, 0, 0);
        bar
    }))?;
    chart.draw_series(shown.iter().zip((0..rows).rev()).map(|(peer, row)| {
        let place = (peer.instructions, SegmentValue::CenterOf(row));
        let number = Text::new(format!("{:.0}", peer.instructions), (6, -7), (FONT, 13));
        EmptyElement::at(place) + number
    }))?;
    Ok(())
}
