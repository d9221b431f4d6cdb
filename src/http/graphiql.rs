//! GraphiQL from the binary: the page that a browser's `GET /graphql` is answered with, and its two assets.
//!
//! `web/graphiql` holds the sources; what its build writes to `dist/` is committed and compiled in, so
//! that the page works where no other host can be reached.

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    extract::RawQuery,
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
        IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    },
};
use sha2::{Digest, Sha256};

use super::{COMPRESS_ABOVE, graphql::accept::takes_gzip};
use crate::kernel::gzip;

/// Own scripts, own styles, own service, and nothing else; the page cannot be framed. `data:` images are
/// the icons in the style sheet.
const CONTENT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// For what is named by its content.
const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// For what keeps its name when its content changes: asked for again, and answered with 304.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// A file of the build with the headers it goes out with.
#[derive(Clone)]
struct Asset {
    body: Bytes,
    /// Packed for the first who takes it so; half a megabyte of script is not packed for each.
    packed: Arc<OnceLock<Option<Bytes>>>,
    media_type: HeaderValue,
    etag: HeaderValue,
    /// What the page writes behind `?v=`: the beginning of the content's SHA-256.
    version: Arc<str>,
}

impl Asset {
    fn new(body: &'static [u8], media_type: &'static str) -> Self {
        let hash = hex::encode(Sha256::digest(body));
        // Hexadecimal digits between quotes are always a header value.
        // Weak, for the packed form has it too.
        let etag =
            HeaderValue::try_from(format!("W/\"{hash}\"")).unwrap_or(HeaderValue::from_static("W/\"\""));
        Self {
            body: Bytes::from_static(body),
            packed: Arc::default(),
            media_type: HeaderValue::from_static(media_type),
            etag,
            version: hash.chars().take(16).collect::<String>().into(),
        }
    }

    /// The file, or 304 to a caller who has it (RFC 9110 section 13.1.2).
    fn answer(&self, headers: &HeaderMap, caching: HeaderValue) -> Response {
        let head = [
            (ETAG, self.etag.clone()),
            (CACHE_CONTROL, caching),
            (CONTENT_TYPE, self.media_type.clone()),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (VARY, HeaderValue::from_static("accept-encoding")),
        ];
        if self.is_held(headers) {
            return (StatusCode::NOT_MODIFIED, head).into_response();
        }
        let codings = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        let packed = takes_gzip(codings).then(|| self.packed());
        match packed.flatten() {
            Some(packed) => {
                let coding = [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
                (head, coding, packed).into_response()
            }
            None => (head, self.body.clone()).into_response(),
        }
    }

    fn packed(&self) -> Option<Bytes> {
        let is_worth_it = self.body.len() as u64 > COMPRESS_ABOVE;
        is_worth_it
            .then(|| self.packed.get_or_init(|| gzip::packed(&self.body)).clone())
            .flatten()
    }

    fn is_held(&self, headers: &HeaderMap) -> bool {
        let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
        let ours = opaque(self.etag.to_str().unwrap_or_default());
        headers
            .get_all(IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .any(|tag| tag == "*" || opaque(tag) == ours)
    }
}

/// The page and its assets, hashed once when the router is built.
#[derive(Clone)]
pub struct Graphiql {
    page: Asset,
    script: Asset,
    style: Asset,
}

impl Default for Graphiql {
    fn default() -> Self {
        Self::new()
    }
}

impl Graphiql {
    /// Hashes the files for their entity tags.
    pub fn new() -> Self {
        Self {
            page: Asset::new(
                include_bytes!("../../web/graphiql/dist/index.html"),
                "text/html; charset=utf-8",
            ),
            script: Asset::new(
                include_bytes!("../../web/graphiql/dist/graphiql.js"),
                "text/javascript; charset=utf-8",
            ),
            style: Asset::new(
                include_bytes!("../../web/graphiql/dist/graphiql.css"),
                "text/css; charset=utf-8",
            ),
        }
    }

    /// The page, for the handler of `GET /graphql` when the caller prefers `text/html`. It finds its
    /// assets beside that path, and asks the service at that path.
    pub fn page(&self, headers: &HeaderMap) -> Response {
        let mut response = self.page.answer(headers, ASK_AGAIN);
        let head = response.headers_mut();
        head.insert(CONTENT_SECURITY_POLICY, CONTENT_POLICY);
        head.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    }

    /// `/graphiql/graphiql.js`, `/graphiql/graphiql.css`, and the licences of what they are made of.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let licences = Asset::new(
            include_bytes!("../../web/graphiql/dist/LICENSES.txt"),
            "text/plain; charset=utf-8",
        );
        let serve = |asset: Asset| {
            get(move |RawQuery(query): RawQuery, headers: HeaderMap| async move {
                let version = query.as_deref().and_then(|q| q.strip_prefix("v="));
                // Another version's name must not keep this version's content for a year.
                let caching = if version == Some(&*asset.version) {
                    FOR_GOOD
                } else {
                    ASK_AGAIN
                };
                asset.answer(&headers, caching)
            })
        };
        Router::new()
            .route("/graphiql/graphiql.js", serve(self.script.clone()))
            .route("/graphiql/graphiql.css", serve(self.style.clone()))
            .route("/graphiql/LICENSES.txt", serve(licences))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    async fn get(uri: &str, held: Option<&HeaderValue>) -> Response {
        let mut request = Request::get(uri);
        if let Some(etag) = held {
            request = request.header(IF_NONE_MATCH, etag);
        }
        Graphiql::new()
            .routes::<()>()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap()
    }

    async fn text(response: Response) -> String {
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn the_page_runs_nothing_inline_and_names_assets_that_are_kept_for_good() {
        let response = Graphiql::new().page(&HeaderMap::new());
        let policy = response.headers()[CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(response.headers()[CACHE_CONTROL], "no-cache");

        let page = text(response).await;
        assert!(page.contains("<title>支部 · GraphiQL</title>"));
        assert!(!page.contains("://"), "the page names another host");
        let assets: Vec<&str> = page
            .split('"')
            .filter(|part| part.starts_with("graphiql/"))
            .collect();
        assert_eq!(assets.len(), 2, "a script and a style sheet");
        for asset in assets {
            let response = get(&format!("/{asset}"), None).await;
            assert_eq!(response.status(), StatusCode::OK, "{asset}");
            assert_eq!(response.headers()[CACHE_CONTROL], FOR_GOOD, "{asset}");
        }
        for inline in ["<script>", "<style", "onload=", "style="] {
            assert!(
                !page.contains(inline),
                "{inline} would be refused by the content policy"
            );
        }
    }

    #[tokio::test]
    async fn an_asset_under_another_versions_name_is_not_kept() {
        for uri in [
            "/graphiql/graphiql.js",
            "/graphiql/graphiql.js?v=0000000000000000",
        ] {
            assert_eq!(get(uri, None).await.headers()[CACHE_CONTROL], "no-cache", "{uri}");
        }
    }

    #[tokio::test]
    async fn who_holds_the_content_is_told_so_without_it() {
        let first = get("/graphiql/graphiql.css", None).await;
        let etag = first.headers()[ETAG].clone();
        let again = get("/graphiql/graphiql.css", Some(&etag)).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.headers()[ETAG], etag);
        assert_eq!(text(again).await, "");
        let other = get(
            "/graphiql/graphiql.css",
            Some(&HeaderValue::from_static("\"old\"")),
        )
        .await;
        assert_eq!(other.status(), StatusCode::OK);
    }
}
