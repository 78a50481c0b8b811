//! Operations and answers as JSON. Entries, and what stands in entries, travel as records do.

use std::time::Duration;

use serde_json::{Value, json};
use tokenflight_core::{
    EndReason, Epoch, Now, RefreshToken,
    grant::ReusePolicy,
    store::{
        Body, Clock, ClockId, Entry, EntryState, Facts, Incarnation, LockId, Op, OpId, Outcome, Owner, Reply, Seen,
        StoredTokens, codec,
    },
};

fn write_id(id: u128) -> Value {
    format!("{id:x}").into()
}

fn id(value: &Value) -> u128 {
    u128::from_str_radix(value.as_str().unwrap(), 16).unwrap()
}

fn some<T>(value: &Value, read: impl Fn(&Value) -> T) -> Option<T> {
    (!value.is_null()).then(|| read(value))
}

fn write_time(time: Duration) -> Value {
    write_id(time.as_nanos())
}

fn time(value: &Value) -> Duration {
    Duration::from_nanos(u64::try_from(id(value)).unwrap())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn write_entry(entry: &Entry) -> Value {
    std::str::from_utf8(codec::encode(entry).expose()).unwrap().into()
}

fn entry(value: &Value) -> Entry {
    codec::decode(value.as_str().unwrap().as_bytes()).unwrap()
}

fn write_tokens(tokens: &StoredTokens) -> Value {
    let mut entry = Entry::default();
    entry.state = EntryState::Active(tokens.clone());
    write_entry(&entry)
}

fn tokens(value: &Value) -> StoredTokens {
    entry(value).tokens().unwrap().clone()
}

fn write_refresh(token: Option<&RefreshToken>) -> Value {
    token.map(|token| token.expose().to_owned()).into()
}

fn refresh(value: &Value) -> Option<RefreshToken> {
    some(value, |value| RefreshToken::new(text(value)))
}

fn write_outcome(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Untouched => json!("untouched"),
        Outcome::Ambiguous(ReusePolicy::Strict) => json!("strict"),
        Outcome::Ambiguous(ReusePolicy::UntilUsed) => json!("until-used"),
        Outcome::Ambiguous(ReusePolicy::NonRotating) => json!("non-rotating"),
        Outcome::Ambiguous(ReusePolicy::Grace { window }) => json!({ "window": write_time(window) }),
    }
}

fn outcome(value: &Value) -> Outcome {
    match value.as_str() {
        Some("untouched") => Outcome::Untouched,
        Some("strict") => Outcome::Ambiguous(ReusePolicy::Strict),
        Some("until-used") => Outcome::Ambiguous(ReusePolicy::UntilUsed),
        Some("non-rotating") => Outcome::Ambiguous(ReusePolicy::NonRotating),
        _ => Outcome::Ambiguous(ReusePolicy::Grace { window: time(&value["window"]) }),
    }
}

fn write_body(body: &Body) -> Value {
    match body {
        Body::Claim { owner, seen, length, yields, holder } => json!({
            "kind": "claim", "owner": write_id(owner.get()), "seen": write_id(seen.get()), "length": write_time(*length),
            "yields": yields.map(|owner| write_id(owner.get())), "holder": holder,
        }),
        Body::Commit { epoch, login, over, presented, next } => json!({
            "kind": "commit", "epoch": epoch.get(), "login": write_id(login.get()), "over": write_id(over.get()),
            "presented": write_refresh(presented.as_ref()), "next": write_tokens(next),
        }),
        Body::End { owner, epoch, login, over, presented, reason, at } => {
            let mut ended = Entry::default();
            let (tokens, reason, at) = (StoredTokens::default(), reason.clone(), *at);
            ended.state = EntryState::Ended { tokens, reason, at };
            json!({
                "kind": "end", "owner": write_id(owner.get()), "epoch": epoch.get(), "login": write_id(login.get()),
                "over": write_id(over.get()), "presented": write_refresh(presented.as_ref()), "ended": write_entry(&ended),
            })
        }
        Body::Settle { owner, outcome } => {
            json!({ "kind": "settle", "owner": write_id(owner.get()), "outcome": write_outcome(*outcome) })
        }
        Body::Reset { base, tokens } => json!({
            "kind": "reset", "base": base.map(|base| write_id(base.get())), "tokens": tokens.as_ref().map(write_tokens),
        }),
        Body::Again { record } => json!({ "kind": "again", "record": write_entry(record) }),
    }
}

fn body(value: &Value) -> Body {
    let owner = || Owner::new(id(&value["owner"]));
    let op_id = |name: &str| OpId::new(id(&value[name]));
    let epoch = || Epoch::new(value["epoch"].as_u64().unwrap());
    match value["kind"].as_str().unwrap() {
        "claim" => Body::Claim {
            owner: owner(),
            seen: op_id("seen"),
            length: time(&value["length"]),
            yields: some(&value["yields"], |value| Owner::new(id(value))),
            holder: text(&value["holder"]).into(),
        },
        "commit" => Body::Commit {
            epoch: epoch(),
            login: op_id("login"),
            over: op_id("over"),
            presented: refresh(&value["presented"]),
            next: tokens(&value["next"]),
        },
        "end" => {
            let (reason, at) = ended(&value["ended"]);
            let (login, over, presented) = (op_id("login"), op_id("over"), refresh(&value["presented"]));
            Body::End { owner: owner(), epoch: epoch(), login, over, presented, reason, at }
        }
        "settle" => Body::Settle { owner: owner(), outcome: outcome(&value["outcome"]) },
        "reset" => Body::Reset {
            base: some(&value["base"], |value| OpId::new(id(value))),
            tokens: some(&value["tokens"], tokens),
        },
        _ => Body::Again { record: Box::new(entry(&value["record"])) },
    }
}

fn ended(value: &Value) -> (EndReason, Duration) {
    match entry(value).state {
        EntryState::Ended { reason, at, .. } => (reason, at),
        _ => panic!("it says that it ended"),
    }
}

pub(crate) fn write_op(op: &Op) -> Value {
    json!({
        "id": write_id(op.id.get()), "born": op.born.map(|born| write_id(born.get())),
        "boot": write_time(op.asked.boot), "wall": write_time(op.asked.wall), "watched": write_time(op.watched),
        "tried": op.tried.as_deref().map(write_entry), "body": write_body(&op.body),
    })
}

pub(crate) fn op(value: &Value) -> Op {
    let born = some(&value["born"], |value| Incarnation::new(id(value)));
    let mut op = Op::new(born, Now::new(time(&value["boot"]), time(&value["wall"])), body(&value["body"]));
    op.id = OpId::new(id(&value["id"]));
    op.watched = time(&value["watched"]);
    op.tried = some(&value["tried"], |value| Box::new(entry(value)));
    op
}

pub(crate) fn write_seen(seen: &Seen) -> Value {
    let facts = &seen.facts;
    let Clock::Storage { id: clock, now } = facts.clock else { panic!("files have a clock") };
    json!({
        "entry": seen.entry.as_ref().map(write_entry), "clock": write_id(clock.get()), "now": write_time(now),
        "trusted": facts.trusted, "incarnation": facts.incarnation.map(|here| write_id(here.get())),
        "lock": facts.lock.map(|lock| write_id(lock.get())),
    })
}

pub(crate) fn seen(value: &Value) -> Seen {
    let mut facts =
        Facts::at(ClockId::new(id(&value["clock"])), time(&value["now"]), value["trusted"].as_bool().unwrap());
    facts.incarnation = some(&value["incarnation"], |value| Incarnation::new(id(value)));
    facts.lock = some(&value["lock"], |value| LockId::new(id(value)));
    Seen::new(some(&value["entry"], entry), facts)
}

pub(crate) fn write_reply(reply: &Reply) -> Value {
    let of = |kind: &str, entry: &Entry| json!({ "kind": kind, "entry": write_entry(entry) });
    match reply {
        Reply::Granted(entry) => of("granted", entry),
        Reply::Changed(entry) => of("changed", entry),
        Reply::Conflict(entry) => of("conflict", entry),
        Reply::Overtaken(entry) => of("overtaken", entry),
        Reply::Busy { retry_after, holder } => {
            json!({ "kind": "busy", "wait": retry_after.map(write_time), "holder": holder })
        }
        Reply::Stored { entry, replaced } => json!({
            "kind": "stored", "entry": write_entry(entry), "replaced": replaced.as_ref().map(write_tokens),
        }),
        Reply::Nothing => json!({ "kind": "nothing" }),
    }
}

pub(crate) fn reply(value: &Value) -> Reply {
    let stored = || entry(&value["entry"]);
    match value["kind"].as_str().unwrap() {
        "granted" => Reply::Granted(stored()),
        "changed" => Reply::Changed(stored()),
        "conflict" => Reply::Conflict(stored()),
        "overtaken" => Reply::Overtaken(stored()),
        "busy" => Reply::Busy {
            retry_after: some(&value["wait"], time),
            holder: some(&value["holder"], |value| text(value).into()),
        },
        "stored" => Reply::Stored { entry: stored(), replaced: some(&value["replaced"], tokens) },
        _ => Reply::Nothing,
    }
}
