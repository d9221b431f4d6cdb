//! `[sources.CODE.pull]`: how a platform is pulled, and when.

use std::{ops::RangeInclusive, time::Duration};

use url::{Host, Url};

use super::{access, answer};
use crate::{
    config::keys::Keys,
    platform::{
        address,
        model::{Freeze, TimeFormat, Window, offset},
        settings::{Endpoint, Limits, PullSettings, Schedule, Totals},
    },
};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// From a second to a day.
const PAUSE: RangeInclusive<Duration> = SECOND..=DAY;
const PAUSE_WORDS: &str = "between \"1s\" and \"1d\"";
/// How long one request may take. Longer ones would outlast the lease under which they are made.
const WAIT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(300);
const WAIT_WORDS: &str = "between \"10ms\" and \"5m\"";

/// None where a key that it cannot do without is missing or wrong; the faults say which.
pub(super) fn read(keys: &mut Keys<'_>) -> Option<PullSettings> {
    let limits = limits(keys);
    let base = keys.required("base_url", |text: &String| url(text, limits.private_addresses));
    let entries = endpoint(keys, base.as_ref());
    let auth = access::read(&mut keys.table("auth"), limits.private_addresses);
    let fields = answer::fields(keys);
    let paging = answer::paging(&mut keys.table("paging"));
    let envelope = answer::envelope(&mut keys.table("envelope"));
    let totals = keys
        .table("totals")
        .is_given()
        .then(|| totals(&mut keys.table("totals"), base.as_ref()));
    let times = times(keys);
    let schedule = schedule(keys);
    let settings = PullSettings {
        times: times?,
        schedule,
        limits,
        entries: entries?,
        auth: auth?,
        paging: paging?,
        envelope,
        fields: fields?,
        totals: match totals {
            Some(totals) => Some(totals?),
            None => None,
        },
    };
    if settings.paging.by.since().is_some() && settings.fields.updated_at.is_none() {
        keys.table("fields")
            .fault("updated_at", "must be set: pages are asked for by it");
        return None;
    }
    Some(settings)
}

fn limits(keys: &mut Keys<'_>) -> Limits {
    let default = Limits::default();
    let bytes = keys.get_within("answer_bytes", 1024..=1 << 30, "between 1024 and 1073741824");
    Limits {
        requests_per_minute: keys
            .get_within("requests_per_minute", 1..=60_000, "between 1 and 60000")
            .unwrap_or(default.requests_per_minute),
        connect_timeout: keys
            .get_within("connect_timeout", WAIT, WAIT_WORDS)
            .unwrap_or(default.connect_timeout),
        read_timeout: keys
            .get_within("read_timeout", WAIT, WAIT_WORDS)
            .unwrap_or(default.read_timeout),
        answer_bytes: bytes.map_or(default.answer_bytes, |bytes: u32| bytes.into()),
        retries: keys
            .get_within("retries", ..=1000, "at most 1000")
            .unwrap_or(default.retries),
        retry_wait: keys
            .get_within("retry_wait", WAIT, WAIT_WORDS)
            .unwrap_or(default.retry_wait),
        failures: keys
            .get_within("failures", 1..=1000, "between 1 and 1000")
            .unwrap_or(default.failures),
        cool_down: keys
            .get_within("cool_down", PAUSE, PAUSE_WORDS)
            .unwrap_or(default.cool_down),
        private_addresses: keys
            .get("allow_private_addresses")
            .unwrap_or(default.private_addresses),
    }
}

fn schedule(keys: &mut Keys<'_>) -> Schedule {
    let default = Schedule::default();
    let freeze = keys.read("freeze", |windows: &Vec<String>| {
        let windows = windows.iter().map(|text| Window::parse(text).map_err(in_words));
        windows.collect::<Result<Vec<_>, _>>().map(Freeze)
    });
    Schedule {
        every: keys
            .get_within("every", PAUSE, PAUSE_WORDS)
            .unwrap_or(default.every),
        freeze: freeze.unwrap_or_default(),
        overlap: keys
            .get_within("overlap", ..=DAY, "at most \"1d\"")
            .unwrap_or(default.overlap),
        reread_days: keys
            .get_within("reread_days", ..=366, "at most 366")
            .unwrap_or(default.reread_days),
    }
}

fn times(keys: &mut Keys<'_>) -> Option<TimeFormat> {
    let zone = keys.read("time_zone", |text: &String| {
        offset(text).ok_or("must be \"Asia/Shanghai\", \"Z\" or an offset such as \"+08:00\"".to_owned())
    });
    // A zone with a fault of its own makes no second one.
    let zone = zone.or_else(|| keys.get::<String>("time_zone").and(offset("Z")));
    let format = keys.read("time_format", |text: &String| {
        TimeFormat::parse(text, zone).map_err(in_words)
    });
    match keys.get::<String>("time_format") {
        None => Some(TimeFormat::default()),
        Some(_) => format,
    }
}

fn endpoint(keys: &mut Keys<'_>, base: Option<&Url>) -> Option<Endpoint> {
    let url = keys.required("path", |path: &String| join(base, path));
    Some(Endpoint {
        query: keys.table("query").all(),
        url: url??,
    })
}

fn totals(keys: &mut Keys<'_>, base: Option<&Url>) -> Option<Totals> {
    let endpoint = endpoint(keys, base);
    let period = keys.required("period_parameter", |name: &String| Ok(name.clone()));
    let list = keys.pointer("list");
    let branch_code = keys.required_pointer("branch_code");
    let total = keys.required_pointer("total");
    Some(Totals {
        endpoint: endpoint?,
        period_parameter: period?,
        list: list.unwrap_or_default(),
        branch_code: branch_code?,
        total: total?,
    })
}

/// A path below a URL; none below one that has a fault of its own.
fn join(base: Option<&Url>, path: &str) -> Result<Option<Url>, String> {
    if !path.starts_with('/') || path.contains(['?', '#']) {
        return Err("must be a path such as \"/api/points\"; parameters stand in the table query".to_owned());
    }
    let Some(base) = base else { return Ok(None) };
    let text = format!("{}{path}", base.as_str().trim_end_matches('/'));
    text.parse().map(Some).map_err(|_| "is no path".to_owned())
}

/// A URL that may be asked: HTTPS and a public host, unless private ones are allowed.
pub(super) fn url(text: &str, private: bool) -> Result<Url, String> {
    let url: Url = text
        .parse()
        .map_err(|_| "must be a URL such as \"https://platform.example.org\"".to_owned())?;
    let secured = url.scheme() == "https" || (url.scheme() == "http" && private);
    if !secured {
        return Err(
            "must begin with \"https://\"; with \"http://\" only where allow_private_addresses is set"
                .to_owned(),
        );
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must hold no user and no password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must have no parameters and no fragment".to_owned());
    }
    let address = match url.host() {
        Some(Host::Ipv4(address)) => Some(address.into()),
        Some(Host::Ipv6(address)) => Some(address.into()),
        _ => None,
    };
    if address.is_some_and(|address| !private && !address::is_public(address)) {
        return Err("is a private address, and allow_private_addresses is not set".to_owned());
    }
    Ok(url)
}

/// What a key must be, as the rule that refused it says.
pub(super) fn in_words(error: impl std::error::Error) -> String {
    error.to_string()
}
