//! Asks a provider for its key set: one GET, bounded in time and size, and no redirects.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use reqwest::{Client, redirect::Policy};
use url::Url;

use super::KeySet;

/// What we call ourselves.
const USER_AGENT: &str = concat!("zhibu/", env!("CARGO_PKG_VERSION"));
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the whole answer may take.
const WHOLE: Duration = Duration::from_secs(10);
/// Bytes of a set at most: a hundred times what providers have, certificates and all.
const MOST_BYTES: usize = 256 * 1024;
/// RFC 7517, 8.5, and what many say instead.
const ACCEPT: &str = "application/jwk-set+json, application/json";

/// Why there is no key set. The texts are for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchFault {
    /// No connection, no TLS, or the connection was lost.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// No whole answer in time.
    #[error("no answer within {} s", WHOLE.as_secs())]
    Timeout,
    /// A redirect: the URL in the configuration is where keys come from, and no other.
    #[error("it redirects ({0}): set jwks_url to where the keys are")]
    Redirected(u16),
    /// Another status than 200.
    #[error("status {0}")]
    Status(u16),
    /// More than may be read.
    #[error("more than {MOST_BYTES} bytes")]
    TooLarge,
    /// No JSON object with a list `keys`.
    #[error("no key set (RFC 7517)")]
    NotASet,
    /// More keys than are tried.
    #[error("more than {} keys", super::MOST_KEYS)]
    TooManyKeys,
    /// Nothing to verify with: neither Ed25519, P-256 nor RSA of 2048 bits.
    #[error("no key that can be used: Ed25519, P-256, or RSA with 2048 bits or more, to verify signatures")]
    NoUsableKey,
}

/// A set, and for how long the provider says that it is fresh.
pub(super) struct Fetched {
    pub set: KeySet,
    pub max_age: Option<Duration>,
}

/// A client for one provider: no redirects, and no proxy of the environment, as for platforms.
pub(super) fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .user_agent(USER_AGENT)
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        .build()
}

/// Asks once.
pub(super) async fn fetch(client: &Client, url: &Url) -> Result<Fetched, FetchFault> {
    let request = client.get(url.clone()).header(header::ACCEPT, ACCEPT);
    let mut response = request.send().await.map_err(fault)?;
    match response.status() {
        StatusCode::OK => {}
        status if status.is_redirection() => return Err(FetchFault::Redirected(status.as_u16())),
        status => return Err(FetchFault::Status(status.as_u16())),
    }
    let max_age = max_age(response.headers());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(fault)? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(FetchFault::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Fetched {
        set: KeySet::read(&body)?,
        max_age,
    })
}

fn fault(error: reqwest::Error) -> FetchFault {
    if error.is_timeout() {
        return FetchFault::Timeout;
    }
    // The innermost cause says what it was; those around it repeat the URL.
    let error = error.without_url();
    let mut cause: &(dyn std::error::Error + 'static) = &error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    FetchFault::Unreachable(cause.to_string())
}

/// `Cache-Control: max-age` less `Age`: how much longer the answer is fresh (RFC 9111, 4.2).
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let seconds = text(header::CACHE_CONTROL)?.split(',').find_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        match name.trim().eq_ignore_ascii_case("max-age") {
            true => value.trim().trim_matches('"').parse::<u32>().ok(),
            false => None,
        }
    })?;
    let age = text(header::AGE).and_then(|age| age.trim().parse::<u32>().ok());
    Some(Duration::from_secs(
        seconds.saturating_sub(age.unwrap_or_default()).into(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fresh_for_longer_is_asked_for_later() {
        let headers = |pairs: &[(header::HeaderName, &'static str)]| {
            let pairs = pairs.iter().cloned();
            pairs
                .map(|(name, value)| (name, value.parse().unwrap()))
                .collect::<HeaderMap>()
        };
        let cached = |value| max_age(&headers(&[(header::CACHE_CONTROL, value)]));
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(cached("max-age=600"), seconds(600));
        assert_eq!(cached("public, MAX-AGE = \"60\" , must-revalidate"), seconds(60));
        assert_eq!(cached("no-cache"), None);
        assert_eq!(cached("s-maxage=600"), None);
        assert_eq!(cached("max-age=-1"), None);
        assert_eq!(cached("max-age=99999999999999"), None);
        let aged = headers(&[(header::CACHE_CONTROL, "max-age=600"), (header::AGE, "590")]);
        assert_eq!(max_age(&aged), seconds(10));
        let over = headers(&[(header::CACHE_CONTROL, "max-age=600"), (header::AGE, "9000")]);
        assert_eq!(max_age(&over), seconds(0));
    }
}
