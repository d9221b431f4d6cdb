//! The one adapter: a platform that speaks HTTP and JSON, in whatever shape its settings say.

mod access;
mod answer;
mod json;
mod resolve;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use reqwest::{Client, RequestBuilder, redirect::Policy};
use url::Url;

use self::access::Access;
use super::{
    model::{Ask, PullFault, Since},
    port::{Page, Platform, PlatformError},
    settings::{Endpoint, PagingBy, PullSettings},
};
use crate::kernel::{clock::Clock, period::Period, points::Points};

/// What we call ourselves.
const USER_AGENT: &str = concat!("zhibu/", env!("CARGO_PKG_VERSION"));

/// A platform behind HTTP.
pub struct HttpPlatform {
    settings: Arc<PullSettings>,
    exchange: Exchange,
    access: Access,
    clock: Clock,
}

/// The client of one platform: no proxy of the environment, no redirects, no addresses that are not allowed.
struct Exchange {
    client: Client,
    answer_bytes: u64,
    clock: Clock,
}

impl HttpPlatform {
    /// Makes the client; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// No TLS on this machine, such as without any trusted certificate.
    pub fn new(settings: Arc<PullSettings>, clock: Clock) -> Result<Self, reqwest::Error> {
        let limits = &settings.limits;
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .no_proxy()
            .redirect(Policy::none())
            .dns_resolver(resolve::Resolver::new(limits.private_addresses))
            .https_only(!limits.private_addresses)
            .connect_timeout(limits.connect_timeout)
            .timeout(limits.connect_timeout + limits.read_timeout)
            .build()?;
        Ok(Self {
            exchange: Exchange {
                client,
                answer_bytes: limits.answer_bytes,
                clock: clock.clone(),
            },
            access: Access::new(settings.auth.clone()),
            settings,
            clock,
        })
    }

    /// Asks for something as whom we are, and once more with a new token where the one we have is not taken any more.
    async fn get<T>(
        &self,
        endpoint: &Endpoint,
        parameters: &[(&str, String)],
        read: impl Fn(&[u8]) -> Result<T, PullFault>,
    ) -> Result<T, PlatformError> {
        let mut url = endpoint.url.clone();
        for (name, value) in &endpoint.query {
            url.query_pairs_mut().append_pair(name, value);
        }
        for (name, value) in parameters {
            url.query_pairs_mut().append_pair(name, value);
        }
        let mut renewed = false;
        loop {
            let fields = self.access.fields(&self.exchange, &url).await?;
            let request = self.exchange.client.get(url.clone()).headers(fields);
            let read = match self.exchange.send(request).await {
                Ok(body) => read(&body).map_err(PlatformError::from),
                Err(error) => Err(error),
            };
            match read {
                Err(error) if is_of_token(&error.fault) && !renewed && self.access.forget().await => {
                    renewed = true
                }
                read => return read,
            }
        }
    }
}

/// Whether a token may be the reason: some say it in their own code only.
fn is_of_token(fault: &PullFault) -> bool {
    match fault {
        PullFault::Unauthorized => true,
        PullFault::Refused { code, .. } => code == "401",
        _ => false,
    }
}

#[async_trait]
impl Platform for HttpPlatform {
    async fn page(&self, ask: &Ask) -> Result<Page, PlatformError> {
        let settings = &self.settings;
        let paging = &settings.paging;
        let mut parameters: Vec<(&str, String)> = Vec::new();
        if let (Some(name), Some(since)) = (paging.by.since(), &ask.since) {
            parameters.push(match since {
                Since::Instant(at) => (name, settings.times.write(*at)),
                Since::Item(position) => (name, position.text.clone()),
            });
        }
        match (&paging.by, &ask.since) {
            (PagingBy::Cursor { id: Some(name), .. }, Some(Since::Item(position))) => {
                parameters.push((name, position.id.clone()));
            }
            (PagingBy::Page { parameter, .. }, _) => parameters.push((parameter, ask.page.to_string())),
            _ => {}
        }
        if let Some(name) = &paging.size_parameter {
            parameters.push((name, paging.size.to_string()));
        }
        let now = self.clock.machine();
        self.get(&settings.entries, &parameters, |body| {
            answer::page(settings, body, now)
        })
        .await
    }

    async fn totals(&self, month: Period) -> Result<Option<Vec<(String, Points)>>, PlatformError> {
        let Some(totals) = &self.settings.totals else {
            return Ok(None);
        };
        let parameters = [(totals.period_parameter.as_str(), month.to_string())];
        let envelope = &self.settings.envelope;
        self.get(&totals.endpoint, &parameters, |body| {
            answer::totals(envelope, totals, body)
        })
        .await
        .map(Some)
    }
}

impl Exchange {
    /// Sends a request and reads its answer, no further than it may go.
    async fn send(&self, request: RequestBuilder) -> Result<Vec<u8>, PlatformError> {
        let mut response = request.send().await.map_err(|error| fault_of(&error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(PlatformError {
                fault: fault_of_status(status),
                retry_after: retry_after(response.headers(), self.clock.machine()),
            });
        }
        let mut body = Vec::new();
        // What is lost on the way is lost, whatever the layer that noticed calls it.
        let lost = |error: reqwest::Error| match error.is_timeout() {
            true => PullFault::Timeout,
            false => PullFault::Unreachable,
        };
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if (body.len() + chunk.len()) as u64 > self.answer_bytes {
                let bytes = self.answer_bytes;
                return Err(PullFault::TooLarge { bytes }.into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

fn fault_of(error: &reqwest::Error) -> PullFault {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<resolve::PrivateAddress>() {
            return PullFault::PrivateAddress;
        }
        cause = error.source();
    }
    match error.is_timeout() {
        true => PullFault::Timeout,
        false => PullFault::Unreachable,
    }
}

fn fault_of_status(status: StatusCode) -> PullFault {
    match status {
        status if status.is_redirection() => PullFault::Redirected,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => PullFault::Unauthorized,
        StatusCode::TOO_MANY_REQUESTS => PullFault::TooManyRequests,
        StatusCode::REQUEST_TIMEOUT => PullFault::Timeout,
        status => PullFault::Status {
            status: status.as_u16(),
        },
    }
}

/// RFC 9110, section 10.2.3: seconds, or a date.
fn retry_after(fields: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = fields.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at: DateTime<Utc> = httpdate::parse_http_date(text).ok()?.into();
    Some((at - now).to_std().unwrap_or_default())
}

/// The path and query that a URL is asked by, for who signs them.
fn target(url: &Url) -> (&str, &str) {
    (url.path(), url.query().unwrap_or_default())
}
