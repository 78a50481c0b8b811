//! The servers, the folders, and the race.

use std::{fs, path::Path};

use tokenflight_test::{
    ResourceServer, Served,
    auth::{Grace, Reuse},
};
use tokio::sync::mpsc::unbounded_channel;

use super::{faults::Faults, person::Person, prelude::*, strike::Striker, worker::Worker};
use crate::race::{
    progress::Progress,
    reuses::Reuses,
    stage::{API_LATENCY, TOKEN_LATENCY},
};

/// How often stopped processes are looked after.
const BEAT: Duration = Duration::from_millis(20);

/// Opens the server, starts all processes, lets them run and says how each contestant has fared.
///
/// # Cancel safety
///
/// Dropping it ends everything it started.
pub(in crate::race) async fn hold(
    options: &Options,
    processes: u16,
    progress: &Progress,
) -> Result<Vec<Standing>, BoxError> {
    if matches!(options.faults, Faults::Stop | Faults::Kill) && !signal::AVAILABLE {
        return Err("there are no signals on this platform: choose other --faults".into());
    }
    let (stage, people) = Stage::open(options, processes)?;
    let people = log_all_in(people).await?;
    let mut attending = JoinSet::new();
    for person in people {
        attending.spawn(person.attend());
    }
    let (stop, stopped) = watch::channel(false);
    let mut workers = JoinSet::new();
    for place in (0..Kind::ALL.len()).flat_map(|lane| (0..usize::from(processes)).map(move |process| (lane, process))) {
        workers.spawn(stage.worker(place).keep(stopped.clone()));
    }

    let end = options.seconds.duration();
    let race = progress.follow(stage.clock, end, || stage.words());
    tokio::select! {
        () = race => {}
        () = stage.resume() => {}
        Some(ended) = workers.join_next() => return Err(match ended {
            Ok(Ok(())) => "a process ended before the race".into(),
            Ok(Err(error)) => error,
            Err(panic) => panic.into(),
        }),
        interrupted = interrupted() => return Err(interrupted.into()),
    }
    stage.striker.over.store(true, Ordering::Relaxed);
    let lanes = stage.ledger.close(end);
    // Each process ends what it does, so that the server's books are closed as well.
    stage.living.resume(Duration::MAX);
    let _ = stop.send(true);
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    attending.shutdown().await;
    let report = stage.auth.report();
    let standings = Kind::ALL.into_iter().zip(lanes);
    Ok(standings.map(|(kind, lane)| Standing::new(kind, lane, stage.clock, &report, &stage.reuses)).collect())
}

/// What all contestants share.
struct Stage {
    clock: Clock,
    ledger: Ledger,
    living: Living,
    starter: Starter,
    people: Vec<UnboundedSender<Call>>,
    striker: Arc<Striker>,
    auth: AuthServer,
    reuses: Reuses,
    token_endpoint: Served,
    api: Served,
    seed: u64,
    grace: f64,
    // The last one to be dropped: others write to it.
    folder: Folder,
}

impl Stage {
    /// The stage, and the people who are called by it.
    fn open(options: &Options, processes: u16) -> Result<(Arc<Self>, Vec<Person>), BoxError> {
        let folder = Folder::beside(&options.svg)?;
        let starter = Starter::this(options.child_arguments.clone())?;
        let clock = Clock::start();
        let (people, calls): (Vec<_>, Vec<_>) = Kind::ALL.iter().map(|_| unbounded_channel()).unzip();
        let (living, ledger) = (Living::default(), Ledger::new(clock, Kind::ALL.len(), processes.into()));
        let striker = Arc::new(Striker {
            faults: options.faults,
            every: options.every.into(),
            living: living.clone(),
            people: people.clone(),
            ledger: ledger.clone(),
            clock,
            rotations: Mutex::default(),
            over: AtomicBool::new(false),
        });
        let reuses = Reuses::default();
        let auth = server(options, Arc::clone(&striker), reuses.clone());
        let token_endpoint = auth.serve()?;
        let api = ResourceServer::new(auth.clone()).latency(API_LATENCY).serve()?;
        let (seed, grace) = (options.seed, options.grace.get());
        let stage = Self {
            clock,
            ledger,
            living,
            starter,
            people,
            striker,
            auth,
            reuses,
            token_endpoint,
            api,
            seed,
            grace,
            folder,
        };
        let stage = Arc::new(stage);
        let people = calls.into_iter().zip(Kind::ALL).enumerate().map(|(lane, (calls, kind))| {
            let told = Arc::clone(&stage);
            Person {
                kind,
                lane,
                auth: stage.auth.clone(),
                spec: Box::new(move |part| told.spec(kind, part, 0)),
                starter: stage.starter.clone(),
                calls,
                ledger: stage.ledger.clone(),
                clock,
            }
        });
        Ok((Arc::clone(&stage), people.collect()))
    }

    fn spec(&self, kind: Kind, part: Part, number: u64) -> Spec {
        Spec {
            part,
            kind,
            folder: self.folder.of(kind),
            api: self.api.url("/me"),
            token: self.token_endpoint.url("/token"),
            seed: self.seed.wrapping_add(number),
            grace: self.grace,
        }
    }

    fn worker(&self, (lane, process): (usize, usize)) -> Worker {
        Worker {
            place: (lane, process),
            // The same seeds for each contestant.
            spec: self.spec(Kind::ALL[lane], Part::Work, process as u64),
            starter: self.starter.clone(),
            living: self.living.clone(),
            ledger: self.ledger.clone(),
            person: self.people[lane].clone(),
            clock: self.clock,
        }
    }

    /// Lets stopped processes go on, each in its time.
    async fn resume(&self) {
        loop {
            self.clock.sleep(BEAT).await;
            self.living.resume(self.clock.now());
        }
    }

    fn words(&self) -> String {
        // Ours first: the line of a terminal may be too short for all.
        let standings = Kind::ALL.into_iter().zip(self.ledger.losses()).rev();
        let words = standings.map(|(kind, lost)| match lost {
            0 => format!("{} ✓", kind.name()),
            lost => format!("{} ✗{lost}", kind.name()),
        });
        words.collect::<Vec<_>>().join(" · ")
    }
}

fn server(options: &Options, striker: Arc<Striker>, reuses: Reuses) -> AuthServer {
    let (least, most) = TOKEN_LATENCY;
    let grace = options.grace.duration();
    AuthServer::builder(Arc::new(TokioTime::new()))
        .access_lifetime(options.lifetime.duration())
        .latency(least..=most)
        .reuse(Reuse::KillFamilyAndAccess)
        .grace(if grace.is_zero() { Grace::None } else { Grace::NewPair(grace) })
        .seed(options.seed)
        .before_answer(move |outgoing| striker.aim(outgoing))
        .on_reuse(move |reused| reuses.add(reused))
        .build()
}

/// The first login of each contestant, all at once.
async fn log_all_in(people: Vec<Person>) -> Result<Vec<Person>, BoxError> {
    let mut logins = JoinSet::new();
    for person in people {
        logins.spawn(async move { person.log_in().await.map(|()| person) });
    }
    let mut ready = Vec::new();
    while let Some(person) = logins.join_next().await {
        ready.push(person??);
    }
    Ok(ready)
}

/// Resolves when a person or the system wants the race to end, with words for it.
async fn interrupted() -> &'static str {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};

        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                Ok(()) = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return "the race was interrupted";
        }
    }
    match tokio::signal::ctrl_c().await {
        Ok(()) => "the race was interrupted",
        Err(_) => std::future::pending().await,
    }
}

/// The folder of a race, removed with what is in it.
struct Folder(PathBuf);

impl Folder {
    /// Beside the picture: a writable place, on a disk and not in memory as `/tmp` often is.
    fn beside(picture: &Path) -> io::Result<Self> {
        let near = picture.parent().filter(|near| !near.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let folder = Self(std::path::absolute(near.join(format!("race-{}", process::id())))?);
        // The store in files makes its own, as it wants it.
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Tokenflight) {
            fs::create_dir_all(folder.of(kind))?;
        }
        Ok(folder)
    }

    fn of(&self, kind: Kind) -> PathBuf {
        self.0.join(kind.name().replace([' ', ','], "-"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
