//! One connection, driven by the tasks that have a statement under way on it: no task of its own.

use std::{
    future::poll_fn,
    pin::pin,
    task::{Context, Poll, Waker},
};

use tokenflight_core::store::{Blob, StoreErrorKind};
use tokio_postgres::{
    AsyncMessage, Client, Config, Connection, Error, NoTls,
    error::DbError,
    tls::MakeTlsConnect,
    types::{ToSql, Type},
};

use crate::{
    PostgresError,
    sql::{Answer, Failure, Param, Row, Statement},
    states,
};

/// The routine of the server that waits for standbys, whatever language its messages are in.
const REPLICATION: &str = "SyncRepWaitForLSN";

pub(crate) struct Live {
    client: Client,
    /// The connection, until it has ended. Then it is dropped at once: with it go the statements
    /// that wait for an answer.
    messages: Option<Box<dyn Messages>>,
    said: Said,
}

/// What the server has said beside its answers.
#[derive(Default)]
struct Said {
    /// That it did not wait for its standby.
    warned: bool,
    /// Notices, if this connection listens to any.
    notices: Vec<String>,
}

/// What the server sends, over whatever kind of stream.
trait Messages: Send {
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<AsyncMessage, Error>>>;
}

impl<S, T> Messages for Connection<S, T>
where
    Self: Send,
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<AsyncMessage, Error>>> {
        Self::poll_message(self, cx)
    }
}

impl Live {
    pub(crate) async fn connect(config: &Config) -> Result<Self, Error> {
        Self::connect_with(config, NoTls).await
    }

    pub(crate) async fn connect_with<T>(config: &Config, tls: T) -> Result<Self, Error>
    where
        T: MakeTlsConnect<tokio_postgres::Socket>,
        T::Stream: Send + 'static,
    {
        let (client, connection) = config.connect(tls).await?;
        Ok(Self { client, messages: Some(Box::new(connection)), said: Said::default() })
    }

    /// Whether the connection is still there, as far as it has told. What it has told while it
    /// rested is read.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.poll_messages(&mut Context::from_waker(Waker::noop()));
        self.messages.is_some() && !self.client.is_closed()
    }

    /// Runs one statement. A connection not [alive](Self::is_alive) afterwards is not used again.
    pub(crate) async fn run(&mut self, statement: &Statement) -> Result<Answer, Failure> {
        self.said.warned = false;
        let rows = {
            let params: Vec<Bound<'_>> = statement.params().iter().map(Bound::new).collect();
            let params: Vec<(&(dyn ToSql + Sync), Type)> = params.iter().map(Bound::typed).collect();
            // The client is a handle: the connection is polled beside it.
            let Self { client, messages, said } = self;
            let mut rows = pin!(client.query_typed(statement.text(), &params));
            poll_fn(|cx| {
                drain(messages, said, cx);
                let polled = rows.as_mut().poll(cx);
                if polled.is_pending() {
                    // What it wrote goes out now.
                    drain(messages, said, cx);
                    return rows.as_mut().poll(cx);
                }
                polled
            })
            .await
        };
        let rows = rows.map_err(|error| failure(&error))?;
        let read: Result<Vec<Row>, Error> = rows
            .iter()
            .map(|row| {
                let (text, bytes): (Option<String>, Option<Vec<u8>>) = (row.try_get(0)?, row.try_get(1)?);
                Ok(Row::new(text.unwrap_or_default(), bytes))
            })
            .collect();
        let answer = Answer::new(read.map_err(|_| Failure::lost(PostgresError::Unreadable))?);
        Ok(if self.said.warned { answer.unreplicated() } else { answer })
    }

    /// The next notices; `None` if the connection has ended.
    pub(crate) async fn heard(&mut self) -> Option<Vec<String>> {
        poll_fn(|cx| {
            self.poll_messages(cx);
            match (self.said.notices.is_empty(), &self.messages) {
                (false, _) => Poll::Ready(Some(self.take_heard())),
                (true, None) => Poll::Ready(None),
                (true, Some(_)) => Poll::Pending,
            }
        })
        .await
    }

    /// Notices that came beside an answer.
    pub(crate) fn take_heard(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said.notices)
    }

    fn poll_messages(&mut self, cx: &mut Context<'_>) {
        drain(&mut self.messages, &mut self.said, cx);
    }
}

fn drain(messages: &mut Option<Box<dyn Messages>>, said: &mut Said, cx: &mut Context<'_>) {
    while let Some(connection) = messages {
        match connection.poll_message(cx) {
            Poll::Ready(Some(Ok(AsyncMessage::Notice(notice)))) => said.warned |= is_unreplicated(&notice),
            Poll::Ready(Some(Ok(AsyncMessage::Notification(notice)))) => said.notices.push(notice.payload().to_owned()),
            Poll::Ready(Some(Ok(_))) => {}
            Poll::Ready(Some(Err(_)) | None) => *messages = None,
            Poll::Pending => return,
        }
    }
}

fn is_unreplicated(notice: &DbError) -> bool {
    notice.routine() == Some(REPLICATION)
}

/// What is known of a statement that was sent and failed. The server's detail may show what was to
/// be stored, and is left out.
fn failure(error: &Error) -> Failure {
    match error.as_db_error() {
        Some(said) => Failure::server(said.code().code(), said.message()),
        None => Failure::lost(words(error)),
    }
}

/// Why there is no connection: nothing was sent, unless the server says something must be repaired.
pub(crate) fn unconnected(error: &Error) -> Failure {
    match error.as_db_error() {
        Some(said) if states::kind(said.code().code()) != StoreErrorKind::Unknown => {
            Failure::server(said.code().code(), said.message())
        }
        _ => Failure::unsent(words(error)),
    }
}

/// What went wrong, without what the server said in detail.
fn words(error: &Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(said), _) => format!("{} ({})", said.message(), said.code().code()),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

/// A parameter as the client takes it.
enum Bound<'a> {
    Texts(&'a [String]),
    Bytes(Vec<&'a [u8]>),
}

impl<'a> Bound<'a> {
    fn new(param: &'a Param) -> Self {
        match param {
            Param::Texts(texts) => Self::Texts(texts),
            Param::Bytes(blobs) => Self::Bytes(blobs.iter().map(Blob::expose).collect()),
        }
    }

    fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Texts(texts) => (texts, Type::TEXT_ARRAY),
            Self::Bytes(bytes) => (bytes, Type::BYTEA_ARRAY),
        }
    }
}
