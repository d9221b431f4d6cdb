//! What a service is told in order to pull from the platform: the configuration of a source.

use std::fmt::{self, Write as _};

use super::{page::labels, server::Options};
use crate::{
    config::{Config, Faults, Overrides, SourceSection},
    demo,
};

/// The configuration of a source that is this platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    base_url: String,
    client_id: String,
    client_secret: String,
}

impl Settings {
    /// That of a platform that answers at a URL.
    pub(super) fn new(base_url: String, options: &Options) -> Self {
        Self {
            base_url,
            client_id: options.client_id.clone(),
            client_secret: options.client_secret.clone(),
        }
    }
}

impl Settings {
    /// As a source of the configuration.
    ///
    /// # Errors
    ///
    /// Faults of the text, of which a test finds none.
    pub fn source(&self) -> Result<SourceSection, Faults> {
        let text = self.to_string();
        let config = Config::parse(Some(("stand-in platform", &text)), [], &Overrides::default())?;
        config
            .sources
            .into_iter()
            .next()
            .ok_or_else(|| Faults(Vec::new()))
    }
}

/// A text in TOML: a basic string, in which JSON's escapes mean the same.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// As a file of the configuration, ready to be used. The URL is one of this machine, which has to be allowed.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = demo::SOURCE;
        let mut activities = String::new();
        for (label, activity) in labels() {
            let _ = writeln!(activities, "{label:?} = {:?}", activity.as_str());
        }
        write!(
            f,
            r#"[sources.{code}]
name = {name}

[sources.{code}.pull]
base_url = {base_url}
path = "/api/points"
allow_private_addresses = true
every = "15s"
requests_per_minute = 600
time_format = "%Y-%m-%d %H:%M:%S%.3f"
time_zone = "Asia/Shanghai"

[sources.{code}.pull.auth]
kind = "client-credentials"
token_url = {token_url}
client_id = {client_id}
client_secret = {client_secret}

[sources.{code}.pull.paging]
kind = "cursor"
since_parameter = "updatedSince"
id_parameter = "afterId"
size_parameter = "pageSize"
size = 1000
has_more = "/data/hasMore"

[sources.{code}.pull.envelope]
list = "/data/list"
code = "/code"
success = [200]
message = "/msg"

[sources.{code}.pull.fields]
id = "/id"
event_id = "/eventNo"
revision = "/revision"
branch_code = "/orgCode"
kind = "/type"
activity = "/activity"
points = "/score"
occurred_at = "/happenedAt"
updated_at = "/updatedAt"
refers_to = "/refNo"
note = "/remark"

[sources.{code}.pull.kinds]
EARN = "EARN"
REVERSAL = "REVERSAL"
CORRECTION = "CORRECTION"

[sources.{code}.pull.activities]
{activities}
[sources.{code}.pull.totals]
path = "/api/totals"
period_parameter = "period"
list = "/data/list"
branch_code = "/orgCode"
total = "/score"
"#,
            name = quoted(demo::SOURCE_NAME),
            base_url = quoted(&self.base_url),
            token_url = quoted(&format!("{}/oauth/token", self.base_url)),
            client_id = quoted(&self.client_id),
            client_secret = quoted(&self.client_secret),
        )
    }
}
