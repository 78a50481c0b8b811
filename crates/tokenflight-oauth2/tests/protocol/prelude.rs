//! What several of the files here use.

pub(crate) use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

pub(crate) use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
pub(crate) use bytes::Bytes;
pub(crate) use http::{Request, Response, StatusCode};
pub(crate) use http_body_util::{BodyExt, Full};
pub(crate) use serde_json::Value;
pub(crate) use tokenflight::{
    BoxFuture, FailureClass, Grant, GrantError, MemoryStore, Reason, RefreshToken, Session, TokenRequest, TokenSet,
};
pub(crate) use tokenflight_oauth2::{
    BoxError, ClientAuth, EndpointError, OAuthGrant, TokenClient, TokenEndpoint,
    auth::{Assertion, Assertions, UrlSource, Wanted},
    discovery::Metadata,
    login::{Callback, CodeLogin, DeviceLogin, LoginError, Loopback},
    provider,
    workload::gcp::CommandLine,
};
pub(crate) use tokenflight_test::ManualTime;
pub(crate) use tokio::net::TcpStream;

pub(crate) use crate::{
    support::{Act, Scripted, answer, client, json},
    workload::{HOUR, Scratch, jwt},
};
