//! A store in another process: operations and answers travel as lines of JSON.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout},
    sync::Mutex,
};

use futures_executor::block_on;
use serde_json::{Value, json};
use tokenflight_core::{
    BoxFuture,
    store::{GrantKey, Op, Reply, Seen, Store, StoreError},
};
use tokenflight_store_file::FileStore;

use crate::{
    support::child::{self, given, said, say},
    wire,
};

const FOLDER: &str = "TOKENFLIGHT_FOLDER";

/// The end in this process.
pub(crate) struct Remote {
    child: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Remote {
    pub(crate) fn start(folder: &Path) -> Self {
        let mut child = child::child("serve").env(FOLDER, folder).spawn().unwrap();
        let pipes = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, pipes: Mutex::new(pipes) }
    }

    /// One question, one answer. It blocks, as files do.
    fn ask(&self, question: &Value) -> Value {
        let mut pipes = self.pipes.lock().unwrap();
        writeln!(pipes.0, "{question}").unwrap();
        loop {
            let mut line = String::new();
            assert_ne!(pipes.1.read_line(&mut line).unwrap(), 0, "the other process has ended");
            if let Some(answer) = said(&line).next() {
                return serde_json::from_str(answer).unwrap();
            }
        }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Store for Remote {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        Box::pin(async move { Ok(wire::seen(&self.ask(&json!({ "key": key.as_str() })))) })
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        let question = json!({ "key": key.as_str(), "op": wire::write_op(&op) });
        Box::pin(async move { Ok(wire::reply(&self.ask(&question))) })
    }
}

/// The end in the other process.
pub(crate) fn serve() {
    let store = FileStore::in_dir(given(FOLDER));
    for line in std::io::stdin().lines() {
        let question: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let key = GrantKey::new(question["key"].as_str().unwrap());
        let answer = match question.get("op") {
            None => wire::write_seen(&block_on(store.load(&key)).unwrap()),
            Some(op) => wire::write_reply(&block_on(store.apply(&key, wire::op(op))).unwrap()),
        };
        say(&answer.to_string());
    }
}
