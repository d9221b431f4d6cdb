use std::time::Duration;

use super::*;
use crate::{
    config::{Config, Faults, Overrides},
    platform::{
        model::TimeFormat,
        settings::{Auth, Limits, PagingBy, Schedule},
    },
    points::{Activity, EntryKind},
};

/// What a pull cannot do without.
const LEAST: &str = r#"
[sources.ejia]
name = "厦门党建e家"
[sources.ejia.pull]
base_url = "https://platform.example.org/open/"
path = "/api/points"
[sources.ejia.pull.paging]
kind = "page"
page_parameter = "pageNo"
[sources.ejia.pull.fields]
event_id = "/id"
branch_code = "/org/code"
points = "/score"
occurred_at = "/at"
"#;

fn load(file: &str, variables: &[(&str, &str)]) -> Result<Vec<SourceSection>, Vec<String>> {
    let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
    Config::parse(Some(("zhibu.toml", file)), variables, &Overrides::default())
        .map(|config| config.sources)
        .map_err(|Faults(faults)| faults.iter().map(ToString::to_string).collect())
}

#[test]
fn the_least_that_a_pull_needs_has_defaults_for_the_rest() {
    let sources = load(LEAST, &[]).unwrap();
    assert_eq!(sources[0].code, "EJIA");
    let pull = sources[0].pull.clone().unwrap();
    assert_eq!(
        pull.entries.url.as_str(),
        "https://platform.example.org/open/api/points"
    );
    assert_eq!(pull.auth, Auth::None);
    assert_eq!(pull.schedule, Schedule::default());
    assert_eq!(pull.limits, Limits::default());
    assert_eq!(pull.times, TimeFormat::Rfc3339);
    assert_eq!(pull.envelope, Default::default());
    assert_eq!(pull.fields.id, pull.fields.event_id);
    assert_eq!(pull.fields.branch_code.to_string(), "/org/code");
    assert_eq!((pull.paging.size, pull.paging.by.since()), (200, None));
}

#[test]
fn sources_without_a_pull_are_pushed_into() {
    let file = "[sources.'党建']\nname = '党建平台'\nwebhook_secrets = ['whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz', \
                'whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=']\n[sources.B]\nname = 'B'";
    let sources = load(file, &[]).unwrap();
    assert_eq!(sources[0].code, "党建");
    assert_eq!(
        sources[0].webhook_secrets[0].expose(),
        b"012345678901234567890123"
    );
    assert_eq!(sources[0].webhook_secrets.len(), 2);
    assert_eq!((sources[1].code.as_str(), &sources[1].pull), ("B", &None));
}

#[test]
fn variables_go_over_the_keys_of_a_source() {
    let file = format!("{LEAST}[sources.ejia.pull.auth]\nkind = 'header'\nname = 'X-Api-Key'\n");
    let variables = [
        ("ZHIBU_SOURCES_EJIA_PULL_AUTH_VALUE", "hunter2"),
        ("ZHIBU_SOURCES_EJIA_PULL_EVERY", "1h"),
        ("ZHIBU_SOURCES_EJIA_PULL_FREEZE", "06-20..06-30, 2026-10-01"),
    ];
    let sources = load(&file, &variables).unwrap();
    let pull = sources[0].pull.clone().unwrap();
    assert_eq!(pull.schedule.every, Duration::from_secs(3600));
    assert_eq!(pull.schedule.freeze.0.len(), 2);
    assert!(!format!("{pull:?}").contains("hunter2"));
    let Auth::Header { name, value } = pull.auth else {
        panic!("{:?}", pull.auth)
    };
    assert_eq!((name.as_str(), value.expose()), ("x-api-key", "hunter2"));
    // Two sources of one variable.
    let twins = "[sources.A-B]\n[sources.A_B]\n";
    let faults = load(twins, &[("ZHIBU_SOURCES_A_B_NAME", "x")]).unwrap_err();
    assert_eq!(
        faults,
        ["environment variable ZHIBU_SOURCES_A_B_NAME: stands for several settings; use the file"]
    );
}

#[test]
fn a_platforms_words_mean_the_contracts() {
    let file = format!(
        "{LEAST}kind = '/type'\nactivity = '/what'\n[sources.ejia.pull.kinds]\n'冲正' = 'REVERSAL'\n\
         [sources.ejia.pull.activities]\n'主题党日' = 'THEME_DAY'\n'a.b' = 'STUDY'\n[sources.ejia.pull.query]\ntype = '1'\n"
    );
    let pull = load(&file, &[]).unwrap()[0].pull.clone().unwrap();
    assert_eq!(
        pull.fields.kind.meanings,
        [("冲正".to_owned(), EntryKind::Reversal)]
    );
    assert_eq!(pull.fields.kind.default, Some(EntryKind::Earn));
    assert_eq!(pull.fields.activity.default, None);
    let activities: Vec<Activity> = pull.fields.activity.meanings.iter().map(|(_, a)| *a).collect();
    assert_eq!(activities, [Activity::ThemeDay, Activity::Study]);
    assert_eq!(pull.entries.query, [("type".to_owned(), "1".to_owned())]);
}

#[test]
fn every_fault_of_a_source_is_reported_at_once() {
    let file = r#"
[sources.local]
name = "ours"
[sources.EJIA]
webhook_secrets = ["whsec_c2hvcnQ="]
secret = "hunter2"
[sources.ejia]
name = "again"
[sources.EJIA.pull]
base_url = "http://platform.example.org"
path = "api?x=1"
every = "0s"
freeze = ["06-31"]
time_format = "%Y-%m-%d %H:%M:%S"
time_zone = "Asia/Urumqi"
default_kind = "ADJUSTMENT"
[sources.EJIA.pull.auth]
kind = "client-credentials"
token_url = "https://10.0.0.1/token"
client_id = "zhibu"
[sources.EJIA.pull.paging]
kind = "cursor"
[sources.EJIA.pull.envelope]
code = "/code"
[sources.EJIA.pull.fields]
event_id = "id"
points = "/score"
[sources.EJIA.pull.activities]
"主题党日" = "THEMEDAY"
[sources.EJIA.pull.totals]
path = "/totals"
[sources.EJIA.pul]
path = "/totals"
"#;
    let faults = load(file, &[]).unwrap_err().join("\n");
    assert!(!faults.contains("hunter2"), "{faults}");
    insta::assert_snapshot!(faults, @r#"
    sources.local (zhibu.toml, line 2): LOCAL is the service's own source
    sources.EJIA.name (zhibu.toml, line 4): must be set
    sources.EJIA.webhook_secrets (zhibu.toml, line 5): must be "whsec_" and the base64 of 24 to 64 bytes, each
    sources.EJIA.pull.base_url (zhibu.toml, line 10): must begin with "https://"; with "http://" only where allow_private_addresses is set
    sources.EJIA.pull.path (zhibu.toml, line 11): must be a path such as "/api/points"; parameters stand in the table query
    sources.EJIA.pull.auth.token_url (zhibu.toml, line 19): is a private address, and allow_private_addresses is not set
    sources.EJIA.pull.auth.client_secret (zhibu.toml, line 17): must be set
    sources.EJIA.pull.activities."主题党日" (zhibu.toml, line 29): must be one of GENERAL_MEETING, COMMITTEE_MEETING, GROUP_MEETING, PARTY_LECTURE, THEME_DAY, LIFE_MEETING, DEMOCRATIC_APPRAISAL, VOLUNTEERING, STUDY, JOINT_ACTIVITY, DATA_UPKEEP, OTHER
    sources.EJIA.pull.default_kind (zhibu.toml, line 16): must be one of EARN, REVERSAL, CORRECTION
    sources.EJIA.pull.fields.event_id (zhibu.toml, line 26): must be a JSON pointer such as "/data/list"
    sources.EJIA.pull.fields.branch_code (zhibu.toml, line 25): must be set
    sources.EJIA.pull.fields.occurred_at (zhibu.toml, line 25): must be set
    sources.EJIA.pull.paging.since_parameter (zhibu.toml, line 21): must be set
    sources.EJIA.pull.envelope.success (zhibu.toml, line 23): must be set
    sources.EJIA.pull.totals.period_parameter (zhibu.toml, line 30): must be set
    sources.EJIA.pull.totals.branch_code (zhibu.toml, line 30): must be set
    sources.EJIA.pull.totals.total (zhibu.toml, line 30): must be set
    sources.EJIA.pull.time_zone (zhibu.toml, line 15): must be "Asia/Shanghai", "Z" or an offset such as "+08:00"
    sources.EJIA.pull.freeze (zhibu.toml, line 13): must be days such as "06-20..06-30" (every year), "2026-10-01" or "2026-12-30..2027-01-02"
    sources.EJIA.pull.every (zhibu.toml, line 12): must be between "1s" and "1d"
    sources.ejia (zhibu.toml, line 7): there is a source EJIA already
    sources.EJIA.secret (zhibu.toml, line 6): is not a setting
    sources.EJIA.pul.path (zhibu.toml, line 33): is not a setting; did you mean sources.EJIA.pull.path?
    "#);
}

#[test]
fn what_is_asked_must_be_public_and_encrypted_unless_private_addresses_are_allowed() {
    let with = |base: &str, more: &str| {
        let file = LEAST.replace("https://platform.example.org/open/", base);
        load(&file.replace("path =", &format!("{more}\npath =")), &[]).map(drop)
    };
    for base in [
        "http://platform.example.org",
        "ftp://platform.example.org",
        "https://user:pw@platform.example.org",
        "https://platform.example.org?x=1",
        "https://127.0.0.1",
        "https://[::1]:8443",
        "https://192.168.1.1",
        "https://[::ffff:10.0.0.1]",
        "platform.example.org",
    ] {
        assert_eq!(with(base, "").unwrap_err().len(), 1, "{base}");
    }
    for base in [
        "http://127.0.0.1:8090",
        "https://10.0.0.1",
        "http://platform.internal",
    ] {
        assert_eq!(with(base, "allow_private_addresses = true"), Ok(()), "{base}");
    }
}

#[test]
fn pages_asked_for_by_an_instant_need_the_field() {
    let file = LEAST.replace("page_parameter", "since_parameter = 'since'\npage_parameter");
    let faults = load(&file, &[]).unwrap_err();
    assert_eq!(
        faults,
        ["sources.ejia.pull.fields.updated_at (zhibu.toml, line 11): must be set: pages are asked for by it"]
    );
    let file = format!("{file}updated_at = '/updatedAt'\n");
    let pull = load(&file, &[]).unwrap()[0].pull.clone().unwrap();
    assert!(matches!(
        pull.paging.by,
        PagingBy::Page {
            since: Some(_),
            first: 1,
            ..
        }
    ));
}
