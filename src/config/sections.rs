//! One struct a section, with its defaults and how it is read.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use ipnet::IpNet;

use super::{Secret, reader::Reader};
use crate::{
    http::{client::Proxies, server::ServerOptions},
    kernel::{
        rules::Rules,
        text::{self, TextError},
    },
};

/// Long enough for any request or statement that is still worth an answer.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(3600);
pub(super) const SHORTEST_WAIT: Duration = Duration::from_millis(1);
pub(super) const WAIT: &str = "between \"1ms\" and \"1h\"";
/// A hundred years of days: retention without an end.
const MOST_DAYS: u32 = 36_500;
/// More than any branch has; it keeps the number in the database's integers.
const MOST_MEMBERS: u32 = 1_000_000;

/// `[server]`: where it listens and keeps its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSection {
    /// Address and port.
    pub listen: SocketAddr,
    /// Directory of the SQLite file and the keys.
    pub data_dir: PathBuf,
    /// Where callers reach the service, if not at `listen`: http or https.
    pub public_url: Option<String>,
    /// After which a request is given up.
    pub request_timeout: Duration,
    /// Connections at once, and how long one may take to say what it wants.
    pub connections: ServerOptions,
}

impl Default for ServerSection {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data_dir: PathBuf::from("./zhibu-data"),
            public_url: None,
            request_timeout: Duration::from_secs(30),
            connections: ServerOptions::default(),
        }
    }
}

impl ServerSection {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        Self {
            listen: reader.get("server.listen").unwrap_or(default.listen),
            data_dir: reader.get("server.data_dir").unwrap_or(default.data_dir),
            public_url: reader.get_checked("server.public_url", |url: &String| {
                let uri = url.parse::<http::Uri>().ok();
                uri.filter(|u| matches!(u.scheme_str(), Some("http" | "https")) && u.host().is_some())
                    .map(|_| ())
                    .ok_or_else(|| "must be a URL such as \"https://zhibu.example.org\"".to_owned())
            }),
            request_timeout: reader
                .get_within("server.request_timeout", SHORTEST_WAIT..=LONGEST_WAIT, WAIT)
                .unwrap_or(default.request_timeout),
            connections: connections(reader),
        }
    }
}

fn connections(reader: &mut Reader) -> ServerOptions {
    let default = ServerOptions::default();
    let mut count = |key| reader.get_within(key, 1..=1_000_000, "between 1 and 1000000");
    let most = count("server.connections").map_or(default.connections, |n: u32| n as usize);
    let per_address = count("server.connections_per_address");
    let proxies = reader.get_checked("server.trusted_proxies", |networks: &Vec<String>| match networks
        .iter()
        .all(|text| network(text).is_some())
    {
        true => Ok(()),
        false => Err("must be addresses or networks such as \"10.0.0.0/8\"".to_owned()),
    });
    let proxies = proxies.unwrap_or_default();
    let mut wait = |key| reader.get_within(key, SHORTEST_WAIT..=LONGEST_WAIT, WAIT);
    ServerOptions {
        connections: most,
        connections_per_address: per_address.map_or(default.connections_per_address, |n| n as usize),
        proxies: Proxies(proxies.iter().filter_map(|text| network(text)).collect()),
        head_timeout: wait("server.head_timeout").unwrap_or(default.head_timeout),
        write_timeout: wait("server.write_timeout").unwrap_or(default.write_timeout),
    }
}

/// A network, or one address.
fn network(text: &str) -> Option<IpNet> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse().ok().or_else(address)
}

/// `[database]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseSection {
    /// PostgreSQL, or another SQLite file; the SQLite file in the data directory when none.
    pub url: Option<Secret>,
    /// Connections at most.
    pub max_connections: u32,
    /// After which a statement is given up; it bounds how long one holds the change feed back.
    pub statement_timeout: Duration,
}

impl Default for DatabaseSection {
    fn default() -> Self {
        Self {
            url: None,
            max_connections: 10,
            statement_timeout: Duration::from_secs(10),
        }
    }
}

impl DatabaseSection {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        Self {
            url: reader.get_checked("database.url", |url: &Secret| {
                let scheme = url.expose().split(':').next().unwrap_or_default();
                if matches!(scheme, "postgres" | "postgresql" | "sqlite") && scheme.len() < url.expose().len()
                {
                    Ok(())
                } else {
                    Err("must begin with \"postgres://\" or \"sqlite:\"".to_owned())
                }
            }),
            max_connections: reader
                .get_within("database.max_connections", 1..=1000, "between 1 and 1000")
                .unwrap_or(default.max_connections),
            statement_timeout: reader
                .get_within("database.statement_timeout", SHORTEST_WAIT..=LONGEST_WAIT, WAIT)
                .unwrap_or(default.statement_timeout),
        }
    }
}

/// `[organization]`: the district.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrganizationSection {
    /// Code of the root organization that `init` makes, normalized.
    pub district_code: Option<String>,
    /// Its name.
    pub district_name: Option<String>,
}

impl OrganizationSection {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let problem = |error: TextError| error.message().en.into_owned();
        let code = reader.get_checked("organization.district_code", |code: &String| {
            text::code(code).map(|_| ()).map_err(problem)
        });
        let name = reader.get_checked("organization.district_name", |name: &String| {
            text::name(name).map(|_| ()).map_err(problem)
        });
        Self {
            district_code: code.and_then(|code| text::code(&code).ok()),
            district_name: name.and_then(|name| text::name(&name).ok()),
        }
    }
}

/// `[privacy]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrivacySection {
    /// File of the HMAC key under which participants are counted; made in the data directory when none.
    pub participant_key_file: Option<PathBuf>,
}

impl PrivacySection {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            participant_key_file: reader.get("privacy.participant_key_file"),
        }
    }
}

/// `[domain]`: the numbers in the domain's rules that a deployment may set; and the day from which its figures count.
pub(super) fn read_rules(reader: &mut Reader) -> Rules {
    let default = Rules::default();
    let members = |given: Option<u32>| given.and_then(|n| i32::try_from(n).ok());
    let minimum = reader.get_within("domain.minimum_members", ..=MOST_MEMBERS, "at most 1000000");
    let usual = reader.get_within("domain.usual_members", ..=MOST_MEMBERS, "at most 1000000");
    let rules = Rules {
        due_soon_months: reader
            .get_within("domain.due_soon_months", ..=60, "at most 60")
            .unwrap_or(default.due_soon_months),
        max_active_pairings: reader
            .get_within("domain.max_active_pairings", 1.., "at least 1")
            .unwrap_or(default.max_active_pairings),
        minimum_members: members(minimum).unwrap_or(default.minimum_members),
        usual_members: members(usual).unwrap_or(default.usual_members),
        pass_regular_score: reader
            .get_within("domain.pass_regular_score", ..=100, "at most 100")
            .unwrap_or(default.pass_regular_score),
        pass_tailored_score: reader
            .get_within("domain.pass_tailored_score", ..=20, "at most 20")
            .unwrap_or(default.pass_tailored_score),
        tailored_met_score: reader
            .get_within("domain.tailored_met_score", 1..=4, "from 1 to 4")
            .unwrap_or(default.tailored_met_score),
        committee_from_members: reader
            .get_within("domain.committee_from_members", ..=1000, "at most 1000")
            .unwrap_or(default.committee_from_members),
        closed_in_time_percent: reader
            .get_within("domain.closed_in_time_percent", ..=100, "at most 100")
            .unwrap_or(default.closed_in_time_percent),
        rectification_days: reader
            .get_within("domain.rectification_days", 1..=365, "from 1 to 365")
            .unwrap_or(default.rectification_days),
        review_days: reader
            .get_within("domain.review_days", 1..=730, "from 1 to 730")
            .unwrap_or(default.review_days),
        amber_days: reader
            .get_within("domain.amber_days", ..=90, "at most 90")
            .unwrap_or(default.amber_days),
        strong_aspect: reader
            .get_within("domain.strong_aspect", ..=100, "at most 100")
            .unwrap_or(default.strong_aspect),
        figures_from: reader.get("organization.figures_from"),
    };
    if rules.usual_members < rules.minimum_members {
        reader.fault(
            &["domain.minimum_members", "domain.usual_members"],
            "domain.minimum_members must not be above domain.usual_members",
        );
    }
    rules
}

/// `[change_log]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeLogSection {
    /// How many days a cursor goes on working.
    pub retention_days: u32,
}

impl Default for ChangeLogSection {
    fn default() -> Self {
        Self { retention_days: 30 }
    }
}

impl ChangeLogSection {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let days = reader.get_within("change_log.retention_days", 1..=MOST_DAYS, "between 1 and 36500");
        days.map_or_else(Self::default, |retention_days| Self { retention_days })
    }
}

/// `[idempotency]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencySection {
    /// How many days an `Idempotency-Key` is remembered.
    pub retention_days: u32,
}

impl Default for IdempotencySection {
    fn default() -> Self {
        Self { retention_days: 7 }
    }
}

impl IdempotencySection {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let days = reader.get_within("idempotency.retention_days", 1..=MOST_DAYS, "between 1 and 36500");
        days.map_or_else(Self::default, |retention_days| Self { retention_days })
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSection {
    /// Directives of tracing's `EnvFilter`.
    pub filter: String,
    /// How lines are written.
    pub format: LogFormat,
    /// Whether every request has a line.
    pub requests: bool,
}

impl Default for LogSection {
    fn default() -> Self {
        Self {
            filter: "info,sea_orm_migration=warn".to_owned(),
            format: LogFormat::default(),
            requests: false,
        }
    }
}

impl LogSection {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let filter = reader.get_checked("log.filter", |filter: &String| {
            tracing_subscriber::EnvFilter::try_new(filter)
                .map(|_| ())
                .map_err(|error| format!("must be directives such as \"info,zhibu=debug\": {error}"))
        });
        let format = reader.get_checked("log.format", |format: &String| match format.as_str() {
            "text" | "json" => Ok(()),
            _ => Err("must be \"text\" or \"json\"".to_owned()),
        });
        Self {
            filter: filter.unwrap_or_else(|| Self::default().filter),
            format: match format.as_deref() {
                Some("json") => LogFormat::Json,
                _ => LogFormat::Text,
            },
            requests: reader.get("log.requests").unwrap_or_default(),
        }
    }
}
