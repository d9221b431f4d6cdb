//! `[auth]` and `[auth.issuers.NAME]`: whose tokens are taken, and what their words mean.

use std::{ops::RangeInclusive, path::PathBuf, time::Duration};

use url::{Host, Url};

use super::{keys::Keys, reader::Reader};
use crate::auth::{ClaimPlace, ClaimPlaces, IssuerSettings, JwksTimes, Role, RoleRules, short_type};

/// The table of all issuers but the first.
const ISSUERS: &str = "auth.issuers";
/// Letters of an issuer's name: it begins its subjects, which have 128 in all.
const LONGEST_NAME: usize = 32;
/// What the service calls callers of its own: no issuer's subjects may begin so.
const RESERVED: [&str; 3] = ["anonymous", "webhook", "zhibu"];

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const REFRESH: RangeInclusive<Duration> = Duration::from_secs(10)..=HOUR;
const FLOOR: RangeInclusive<Duration> = SECOND..=Duration::from_secs(600);
const KEEP: RangeInclusive<Duration> = MINUTE..=Duration::from_secs(30 * 24 * 3600);

/// `[auth]`: whose tokens are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthSection {
    /// `iss` that tokens of the first issuer must have.
    pub issuer: String,
    /// `aud` that they must have.
    pub audience: String,
    /// PEM files of public keys (Ed25519, P-256, RSA) whose tokens are taken.
    pub public_key_files: Vec<PathBuf>,
    /// Where the first issuer publishes its keys (RFC 7517).
    pub jwks_url: Option<Url>,
    /// How keys of URLs are kept, of every issuer.
    pub jwks: JwksTimes,
    /// `[auth.issuers.NAME]`, in the order of the file.
    pub issuers: Vec<IssuerSection>,
    /// Role of callers without a token; only `VIEWER`, and none unless set.
    pub anonymous_role: Option<Role>,
    /// How far clocks may be apart.
    pub leeway: Duration,
}

/// `[auth.issuers.NAME]`: an issuer besides the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerSection {
    /// What its tokens must say.
    pub settings: IssuerSettings,
    /// PEM files of its public keys.
    pub public_key_files: Vec<PathBuf>,
    /// Where it publishes its keys.
    pub jwks_url: Option<Url>,
}

impl Default for AuthSection {
    fn default() -> Self {
        Self {
            issuer: "zhibu".to_owned(),
            audience: "zhibu".to_owned(),
            public_key_files: Vec::new(),
            jwks_url: None,
            jwks: JwksTimes::default(),
            issuers: Vec::new(),
            anonymous_role: None,
            leeway: Duration::from_secs(30),
        }
    }
}

impl AuthSection {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        let anonymous = reader.get_checked("auth.anonymous_role", |role: &String| {
            if role == Role::Viewer.as_str() {
                Ok(())
            } else {
                Err(
                    "must be \"VIEWER\", or left out: no other role is given to callers without a token"
                        .to_owned(),
                )
            }
        });
        let issuer = reader.get("auth.issuer").unwrap_or(default.issuer);
        let audience = reader.get("auth.audience").unwrap_or(default.audience);
        let mut keys = Keys::of(reader, "auth");
        let public_key_files = keys.get("public_key_files");
        let jwks_url = jwks_url(&mut keys);
        let jwks = times(&mut keys);
        Self {
            public_key_files: public_key_files.unwrap_or(default.public_key_files),
            jwks_url,
            jwks,
            issuers: issuers(reader, &issuer, &audience),
            issuer,
            audience,
            anonymous_role: anonymous.map(|_| Role::Viewer),
            leeway: reader
                .get_within("auth.leeway", ..=Duration::from_secs(300), "at most \"5m\"")
                .unwrap_or(default.leeway),
        }
    }
}

fn times(keys: &mut Keys<'_>) -> JwksTimes {
    let default = JwksTimes::default();
    let mut get = |name, range, words, default| keys.get_within(name, range, words).unwrap_or(default);
    let times = JwksTimes {
        refresh: get(
            "jwks_refresh",
            REFRESH,
            "between \"10s\" and \"1h\"",
            default.refresh,
        ),
        floor: get("jwks_floor", FLOOR, "between \"1s\" and \"10m\"", default.floor),
        keep: get("jwks_keep", KEEP, "between \"1m\" and \"30d\"", default.keep),
    };
    if times.floor > times.refresh {
        keys.fault_of(
            &["jwks_floor", "jwks_refresh"],
            "auth.jwks_floor must not be above auth.jwks_refresh",
        );
    }
    if times.keep < times.refresh {
        keys.fault_of(
            &["jwks_keep", "jwks_refresh"],
            "auth.jwks_keep must not be below auth.jwks_refresh",
        );
    }
    times
}

/// Whoever can change what comes from there can sign as anybody: only over TLS, from this machine, or where it was said that
/// the network in between can be trusted.
fn jwks_url(keys: &mut Keys<'_>) -> Option<Url> {
    let plain = keys.get("jwks_allow_http").unwrap_or(false);
    keys.read("jwks_url", |text: &String| {
        let url: Url = text
            .parse()
            .map_err(|_| "must be a URL such as \"https://id.example.org/jwks\"".to_owned())?;
        let local = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        match url.scheme() {
            "https" => {}
            "http" if local || plain => {}
            _ => {
                return Err(
                    "must begin with \"https://\"; with \"http://\" only on this machine, or where \
                            jwks_allow_http is set"
                        .to_owned(),
                );
            }
        }
        match url.username().is_empty() && url.password().is_none() && url.fragment().is_none() {
            true => Ok(url),
            false => Err("must hold no user, no password and no fragment".to_owned()),
        }
    })
}

/// Every `[auth.issuers.NAME]`.
fn issuers(reader: &mut Reader, first: &str, audience: &str) -> Vec<IssuerSection> {
    let mut sections: Vec<IssuerSection> = Vec::new();
    for table in reader.tables_of(ISSUERS) {
        if let Err(problem) = check_name(&table.name) {
            reader.fault_at(&table.path, problem);
        }
        let mut keys = Keys::of(reader, table.path);
        let section = section(&mut keys, &table.name, audience);
        let iss = &section.settings.issuer;
        if !iss.is_empty() {
            let same = sections.iter().find(|other| other.settings.issuer == *iss);
            let same = same.and_then(|other| other.settings.name.clone());
            match (iss == first, same) {
                (true, _) => keys.fault("issuer", "is auth.issuer already: a token's issuer must be one"),
                (_, Some(name)) => keys.fault(
                    "issuer",
                    format!("is that of {ISSUERS}.{name} already: a token's issuer must be one"),
                ),
                (false, None) => {}
            }
        }
        sections.push(section);
    }
    sections
}

fn check_name(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(plain) {
        return Err(format!(
            "an issuer's name has 1 to {LONGEST_NAME} letters a to z, digits and hyphens: its subjects begin with it"
        ));
    }
    match RESERVED.contains(&name) {
        true => Err(format!("{name} is what the service calls callers of its own")),
        false => Ok(()),
    }
}

fn section(keys: &mut Keys<'_>, name: &str, audience: &str) -> IssuerSection {
    let issuer = keys.required("issuer", |issuer: &String| Ok(issuer.clone()));
    let own_audience = keys.get("audience");
    let types = keys.read("types", |types: &Vec<String>| match types.is_empty() {
        true => Err("must name at least one".to_owned()),
        false => Ok(types.iter().map(|typ| short_type(typ)).collect()),
    });
    let public_key_files: Vec<PathBuf> = keys.get("public_key_files").unwrap_or_default();
    let jwks_url = jwks_url(keys);
    // A URL that is wrong has its fault already.
    if public_key_files.is_empty() && keys.get::<String>("jwks_url").is_none() {
        keys.fault("jwks_url", "must be set, or public_key_files");
    }
    let claims = claims(&mut keys.table("claims"));
    let roles = roles(keys);
    IssuerSection {
        settings: IssuerSettings {
            name: Some(name.to_owned()),
            issuer: issuer.unwrap_or_default(),
            audience: own_audience.unwrap_or_else(|| audience.to_owned()),
            types: types.unwrap_or_else(|| IssuerSettings::TYPES.map(str::to_owned).to_vec()),
            claims,
            roles,
        },
        public_key_files,
        jwks_url,
    }
}

fn claims(keys: &mut Keys<'_>) -> ClaimPlaces {
    let mut place = |name, default| {
        let given = keys.read(name, |text: &String| {
            ClaimPlace::parse(text).map_err(|error| error.to_string())
        });
        given.unwrap_or(default)
    };
    let default = ClaimPlaces::default();
    ClaimPlaces {
        role: place("role", default.role),
        organization: place("org", default.organization),
        branch: place("branch", default.branch),
        source: place("source", default.source),
        subject: place("subject", default.subject),
    }
}

fn roles(keys: &mut Keys<'_>) -> RoleRules {
    let mut table = keys.table("roles");
    let mut words = std::collections::BTreeMap::new();
    for (word, _) in table.all::<String>() {
        if let Some(role) = table.read(&word, |name: &String| role(name)) {
            words.insert(word, role);
        }
    }
    if table.is_given() && table.all::<String>().is_empty() {
        keys.fault("roles", "must name at least one word, or be left out");
    }
    let allowed = keys.read("allowed_roles", |names: &Vec<String>| match names.is_empty() {
        true => Err("must name at least one role".to_owned()),
        false => names.iter().map(|name| role(name)).collect(),
    });
    RoleRules {
        words,
        allowed: allowed.unwrap_or_else(|| Role::ALL.to_vec()),
    }
}

fn role(name: &str) -> Result<Role, String> {
    Role::parse(name).ok_or_else(|| {
        let names = Role::ALL.map(Role::as_str);
        format!("must be one of {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests;
