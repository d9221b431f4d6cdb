//! What browsers are told: which pages of other origins may ask (CORS, fetch.spec.whatwg.org), and what may be done with an
//! answer.
//!
//! There are no cookies and no other credentials that a browser adds by itself, so a page that nobody trusts can make a browser
//! ask, but as nobody. Sockets know no CORS: their `Origin` is looked at when they are opened.

use std::time::Duration;

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser remembers what it was allowed; none of them does for longer than two hours.
const PREFLIGHT_AGE: Duration = Duration::from_secs(2 * 3600);

/// An answer is data: nothing in it is run, framed or loaded, and where it was asked from is nobody's business (the GraphiQL page
/// has a policy of its own).
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// HTTPS for a year (RFC 6797), where that is how the service is reached.
const ONLY_HTTPS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Which pages may ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Browsers {
    /// Origins besides the service's own, such as `https://wall.example.org`.
    pub origins: Vec<HeaderValue>,
    /// Pages of every origin may.
    pub any_origin: bool,
    /// Where callers reach the service, if that is not what `Host` says.
    pub public_url: Option<Uri>,
}

impl Browsers {
    /// What answers preflights and tells browsers who may read; none where no other origin may.
    pub(super) fn cors(&self) -> Option<CorsLayer> {
        let origins = match (self.any_origin, self.origins.is_empty()) {
            (true, _) => AllowOrigin::any(),
            (false, false) => AllowOrigin::list(self.origins.iter().cloned()),
            (false, true) => return None,
        };
        let named = HeaderName::from_static;
        let asked = [
            header::ACCEPT,
            header::ACCEPT_LANGUAGE,
            header::AUTHORIZATION,
            header::CACHE_CONTROL,
            header::CONTENT_ENCODING,
            header::CONTENT_TYPE,
            header::IF_NONE_MATCH,
            named("idempotency-key"),
            named("last-event-id"),
            named("x-request-id"),
        ];
        let told = [
            header::CONTENT_LANGUAGE,
            header::ETAG,
            header::RETRY_AFTER,
            header::WWW_AUTHENTICATE,
            named("cache-status"),
            named("idempotent-replayed"),
            named("ratelimit"),
            named("ratelimit-policy"),
            named("x-request-id"),
        ];
        let layer = CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::GET, Method::POST])
            .allow_headers(asked)
            .expose_headers(told)
            .max_age(PREFLIGHT_AGE);
        Some(layer)
    }

    /// Adds to an answer what it does not say itself.
    pub(super) fn finish(&self) -> impl Fn(Response) -> Response + Clone + Send + Sync + use<> {
        let is_https = self.public_url.as_ref().and_then(Uri::scheme_str) == Some("https");
        move |mut response| {
            let headers = response.headers_mut();
            for (name, value) in HEADERS {
                headers.entry(name).or_insert(value);
            }
            if is_https {
                headers
                    .entry(header::STRICT_TRANSPORT_SECURITY)
                    .or_insert(ONLY_HTTPS);
            }
            response
        }
    }

    /// Whether a page may open a socket: one of the service's own or of an origin that is let in; what is no page says none.
    pub fn may_connect(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return true;
        };
        if self.any_origin || self.origins.contains(origin) {
            return true;
        }
        let Some(page) = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok()) else {
            return false;
        };
        let Some(authority) = page.authority() else {
            return false;
        };
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let public = self.public_url.as_ref().and_then(Uri::authority);
        let is_public = public.is_some_and(|public| public == authority);
        is_public || host.is_some_and(|host| authority.as_str().eq_ignore_ascii_case(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_that_are_let_in_open_sockets() {
        let browsers = Browsers {
            origins: vec![HeaderValue::from_static("https://wall.example.org")],
            any_origin: false,
            public_url: Some(Uri::from_static("https://zhibu.example.org/")),
        };
        let may = |origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("10.0.0.5:8080"));
            headers.insert(header::ORIGIN, origin.parse().unwrap());
            browsers.may_connect(&headers)
        };
        for origin in [
            "https://wall.example.org",
            "https://zhibu.example.org",
            "http://10.0.0.5:8080",
        ] {
            assert!(may(origin), "{origin}");
        }
        for origin in [
            "https://evil.example.org",
            "http://wall.example.org",
            "https://wall.example.org.evil.example",
            "http://10.0.0.5:9090",
            "null",
            "",
        ] {
            assert!(!may(origin), "{origin}");
        }
        assert!(browsers.may_connect(&HeaderMap::new()));
    }
}
