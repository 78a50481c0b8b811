//! The servers, and the race between them.

use std::{sync::Arc, time::Duration};

use fastrand::Rng;
use tokenflight::{BoxError, time::TokioTime};
use tokenflight_test::{AuthServer, ResourceServer, Served, auth::Reuse};
use tokio::task::JoinSet;

use super::{
    Clock, Options, Standing,
    clients::Kind,
    progress::Progress,
    reuses::Reuses,
    trace::Recorder,
    wire::Wire,
    workload::{Patience, Worker},
};

/// How long the token endpoint takes: what such endpoints take over the internet. One half passes
/// before the refresh token is judged, one half after.
pub(crate) const TOKEN_LATENCY: (Duration, Duration) = (Duration::from_millis(60), Duration::from_millis(180));

/// How long the API takes.
pub(crate) const API_LATENCY: Duration = Duration::from_millis(4);

/// How long the last requests may take after the end.
const LAST_CALL: Duration = Duration::from_secs(5);

/// Both servers, on loopback ports of their own.
struct Stage {
    auth: AuthServer,
    reuses: Reuses,
    token_endpoint: Served,
    api: Served,
}

impl Stage {
    fn open(options: &Options) -> Result<Self, BoxError> {
        let (least, most) = TOKEN_LATENCY;
        let reuses = Reuses::default();
        let told = reuses.clone();
        let auth = AuthServer::builder(Arc::new(TokioTime::new()))
            .on_reuse(move |reused| told.add(reused))
            .access_lifetime(options.lifetime.duration())
            .latency(least..=most)
            .reuse(Reuse::KillFamilyAndAccess)
            .seed(options.seed)
            .build();
        let token_endpoint = auth.serve()?;
        let api = ResourceServer::new(auth.clone()).latency(API_LATENCY).serve()?;
        Ok(Self { auth, reuses, token_endpoint, api })
    }

    fn wire(&self, recorder: Recorder) -> Result<Wire, BoxError> {
        Ok(Wire::new(self.api.url("/me").parse()?, self.token_endpoint.url("/token").parse()?, recorder))
    }
}

/// Opens the servers, logs every client in, lets all of them run and says how each has fared.
///
/// # Cancel safety
///
/// Dropping it ends everything it started.
pub(crate) async fn hold(options: &Options, progress: &Progress) -> Result<Vec<Standing>, BoxError> {
    let stage = Stage::open(options)?;
    let clock = Clock::start();
    let end = options.seconds.duration();
    let mut timers = JoinSet::new();
    let mut workers = JoinSet::new();
    let mut lanes = Vec::new();
    for kind in Kind::ALL {
        let recorder = Recorder::new(clock);
        let login = stage.auth.login_as(kind.name());
        let entry = kind.enter(login, stage.wire(recorder.clone())?, clock).await?;
        timers.spawn(entry.timer);
        // The same seed for each client: all get the same work and the same impatience.
        let mut random = Rng::with_seed(options.seed);
        for _ in 0..options.workers {
            let worker = Worker {
                client: Arc::clone(&entry.client),
                recorder: recorder.clone(),
                clock,
                end,
                patience: Patience::of_share(options.cancel),
                random: random.fork(),
            };
            workers.spawn(worker.work());
        }
        lanes.push((kind, recorder));
    }

    progress.follow(clock, end, || words(clock, &stage.reuses)).await;
    tokio::select! {
        () = async { while workers.join_next().await.is_some() {} } => {}
        () = clock.sleep(LAST_CALL) => {}
    }
    let report = stage.auth.report();
    Ok(lanes
        .into_iter()
        .map(|(kind, recorder)| Standing::new(kind, clock, recorder.take(), &report, &stage.reuses))
        .collect())
}

/// Which sessions live.
fn words(clock: Clock, reuses: &Reuses) -> String {
    let words = Kind::ALL.map(|kind| match reuses.death(kind.name()) {
        Some(at) => format!("{} ✗ {:.1} s", kind.name(), clock.at(at).as_secs_f64()),
        None => format!("{} ✓", kind.name()),
    });
    words.join(" · ")
}
