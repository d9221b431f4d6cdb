//! How a platform is pulled: what a deployment sets in `[sources.CODE.pull]`, read and checked.

use std::time::Duration;

use url::Url;

use super::model::{Freeze, Pointer, TimeFormat};
use crate::{
    kernel::secret::{Secret, SecretBytes},
    points::{Activity, EntryKind},
};

/// How one platform is pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullSettings {
    /// What is asked for entries.
    pub entries: Endpoint,
    /// Who we are to the platform.
    pub auth: Auth,
    /// How a long list is asked for in pages.
    pub paging: Paging,
    /// What an answer is wrapped in.
    pub envelope: Envelope,
    /// Where in an item our fields stand.
    pub fields: Fields,
    /// How the platform writes instants.
    pub times: TimeFormat,
    /// When it is pulled.
    pub schedule: Schedule,
    /// How much is asked of it, and of us.
    pub limits: Limits,
    /// Where it tells its totals, if it does.
    pub totals: Option<Totals>,
}

/// Something that is asked with GET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Without a query.
    pub url: Url,
    /// Parameters that go with every request.
    pub query: Vec<(String, String)>,
}

/// Who we are to the platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// It asks nobody.
    #[default]
    None,
    /// A header field that stays the same.
    Header {
        /// Its name.
        name: http::HeaderName,
        /// Its value.
        value: Secret,
    },
    /// OAuth 2.0 client credentials (RFC 6749, section 4.4), with the client in the body.
    ClientCredentials {
        /// Where tokens are asked for.
        token_url: Url,
        /// Who asks.
        client_id: String,
        /// Its secret.
        client_secret: Secret,
        /// For what, if the platform wants to know.
        scope: Option<String>,
    },
    /// An HMAC-SHA256 signature of each request.
    Hmac(Signing),
}

/// How requests are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signing {
    /// The shared key.
    pub key: SecretBytes,
    /// What is signed: a text with `{method}`, `{path}`, `{query}` and `{timestamp}` (seconds since 1970).
    pub signed: String,
    /// Where the signature stands.
    pub signature_header: http::HeaderName,
    /// Where the timestamp stands.
    pub timestamp_header: http::HeaderName,
    /// A field that names the key, with the name.
    pub key_id: Option<(http::HeaderName, String)>,
    /// Base64 instead of hexadecimal digits.
    pub base64: bool,
}

/// How a long list is asked for in pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paging {
    /// By position or by number.
    pub by: PagingBy,
    /// The parameter that says how many items a page has.
    pub size_parameter: Option<String>,
    /// How many items a page has.
    pub size: u32,
    /// Where the answer says whether more follow; a page that is not full is the last where it does not.
    pub has_more: Option<Pointer>,
}

/// By what pages follow one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PagingBy {
    /// What was updated after an instant, and at that instant after an id; in this order.
    Cursor {
        /// The parameter of the instant.
        since: String,
        /// That of the id, if there is one.
        id: Option<String>,
    },
    /// By number.
    Page {
        /// The parameter of the number.
        parameter: String,
        /// The number of the first page.
        first: u32,
        /// The parameter of the instant since which items were updated; they must come oldest first then. Without it every
        /// run reads everything.
        since: Option<String>,
    },
}

impl PagingBy {
    /// The parameter of the instant since which items were updated.
    pub fn since(&self) -> Option<&str> {
        match self {
            Self::Cursor { since, .. } => Some(since),
            Self::Page { since, .. } => since.as_deref(),
        }
    }
}

/// What an answer is wrapped in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Where the list stands.
    pub list: Pointer,
    /// Where the code stands that says whether it went well, and the codes that mean so.
    pub success: Option<(Pointer, Vec<String>)>,
    /// Where the platform says why it did not.
    pub message: Option<Pointer>,
}

/// Where in an item our fields stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    /// The platform's name for the event.
    pub event_id: Pointer,
    /// 1 where it has none.
    pub revision: Option<Pointer>,
    /// The branch's code.
    pub branch_code: Pointer,
    /// What the entry does, or where that stands.
    pub kind: Words<EntryKind>,
    /// What the points were earned with, or where that stands.
    pub activity: Words<Activity>,
    /// How many points.
    pub points: Pointer,
    /// When it happened.
    pub occurred_at: Pointer,
    /// The event that a reversal or correction answers.
    pub refers_to: Option<Pointer>,
    /// A remark.
    pub note: Option<Pointer>,
    /// When the item was last changed.
    pub updated_at: Option<Pointer>,
    /// What orders items of one instant.
    pub id: Pointer,
}

/// A field whose values are the platform's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words<T> {
    /// Where the word stands.
    pub pointer: Option<Pointer>,
    /// What words mean; the contract's names mean themselves.
    pub meanings: Vec<(String, T)>,
    /// What it is where there is no word.
    pub default: Option<T>,
}

/// When a platform is pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// So long after a run the next one begins.
    pub every: Duration,
    /// Days on which it is not asked.
    pub freeze: Freeze,
    /// A run begins so long before the position, for what was committed late.
    pub overlap: Duration,
    /// Once a day it begins so many days before the position.
    pub reread_days: u32,
}

/// How much is asked of a platform, and of us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests a minute at most.
    pub requests_per_minute: u32,
    /// After which a connection is given up.
    pub connect_timeout: Duration,
    /// After which an answer is given up.
    pub read_timeout: Duration,
    /// The largest answer, unpacked.
    pub answer_bytes: u64,
    /// Requests of a run that are made again, in all.
    pub retries: u32,
    /// The longest first wait before a request is made again; it doubles from one to the next.
    pub retry_wait: Duration,
    /// After so many failed runs in a row the platform is left alone for a while.
    pub failures: u32,
    /// For how long; it doubles with every probe that fails.
    pub cool_down: Duration,
    /// Whether the platform may stand in a private network, and speak plain HTTP.
    pub private_addresses: bool,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(600),
            freeze: Freeze::default(),
            overlap: Duration::from_secs(600),
            reread_days: 7,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_minute: 120,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(30),
            answer_bytes: 16 << 20,
            retries: 10,
            retry_wait: Duration::from_secs(1),
            failures: 5,
            cool_down: Duration::from_secs(300),
            private_addresses: false,
        }
    }
}

/// Where a platform tells the totals that it has, by month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// What is asked.
    pub endpoint: Endpoint,
    /// The parameter of the month, written `2022-07`.
    pub period_parameter: String,
    /// Where the list stands in the answer.
    pub list: Pointer,
    /// Where in an item the branch's code stands.
    pub branch_code: Pointer,
    /// Where its total stands.
    pub total: Pointer,
}
