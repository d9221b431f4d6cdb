use std::{ffi::OsString, time::Duration};

use super::*;

const SAMPLE: &str = include_str!("../../zhibu.example.toml");

fn env(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    variables
        .iter()
        .map(|(k, v)| ((*k).into(), (*v).into()))
        .collect()
}

fn parse(file: &str, variables: &[(&str, &str)], flags: &Overrides) -> Result<Config, Faults> {
    Config::parse(Some(("zhibu.toml", file)), env(variables), flags)
}

fn faults(file: &str, variables: &[(&str, &str)], flags: &Overrides) -> Vec<String> {
    let Faults(faults) = parse(file, variables, flags).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn the_sample_is_the_defaults() {
    assert_eq!(parse(SAMPLE, &[], &Overrides::default()), Ok(Config::default()));
}

/// The sample with every setting that it shows.
fn uncommented() -> Config {
    let lines = SAMPLE.lines().map(|line| match line.strip_prefix("# ") {
        Some(setting) if setting.split(' ').nth(1) == Some("=") || setting.starts_with('[') => {
            format!("{setting}\n")
        }
        _ => format!("{line}\n"),
    });
    parse(&lines.collect::<String>(), &[], &Overrides::default()).unwrap()
}

#[test]
fn the_samples_commented_settings_can_be_uncommented() {
    let mut config = uncommented();
    // Every optional setting is there.
    let shown = format!("{config:?}");
    let sources = std::mem::take(&mut config.sources);
    // What a URL does not have is no setting.
    let settings = ["password: None", "port: None", "query: None", "fragment: None"]
        .iter()
        .fold(format!("{config:?}"), |shown, part| shown.replace(part, ""));
    assert!(!settings.contains("None"), "{settings}");
    assert!(!config.auth.issuers.is_empty());
    let pulls: Vec<_> = sources.iter().filter_map(|source| source.pull.as_ref()).collect();
    assert_eq!(pulls.len(), 2);
    assert!(pulls[0].totals.is_some() && pulls[0].fields.note.is_some());
    assert_eq!(config.domain.figures_from, "2020-07-01".parse().ok());
    assert!(
        !shown.contains("zhibu:password") && !shown.contains('…') && !shown.contains("MDEy"),
        "{shown}"
    );
}

#[test]
fn flags_go_over_variables_and_variables_over_the_file() {
    let file = "[server]\nlisten = '127.0.0.1:1'\ndata_dir = 'file'\n[log]\nformat = 'json'\n[domain]\nusual_members = 60";
    let variables = [
        ("ZHIBU_LISTEN", "127.0.0.1:2"),
        ("ZHIBU_DATA_DIR", "env"),
        ("ZHIBU_DATABASE_URL", "postgres://zhibu:hunter2@db/zhibu"),
        ("ZHIBU_CHANGE_LOG_RETENTION_DAYS", "90"),
        ("ZHIBU_AUTH_PUBLIC_KEY_FILES", "a.pem, b.pem"),
        ("ZHIBU_GRAPHQL_GRAPHIQL", "false"),
        ("ZHIBU_SERVER_REQUEST_TIMEOUT", ""),
        ("PATH", "/bin"),
    ];
    let mut flags = Overrides::default();
    flags.set("server.listen", "--listen", Some("127.0.0.1:3"));
    flags.set("server.data_dir", "--data-dir", None::<String>);
    let config = parse(file, &variables, &flags).unwrap();
    assert_eq!(config.server.listen.port(), 3);
    assert_eq!(config.server.data_dir, PathBuf::from("env"));
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.domain.usual_members, 60);
    assert_eq!(config.change_log.retention_days, 90);
    assert_eq!(
        config.auth.public_key_files,
        [PathBuf::from("a.pem"), PathBuf::from("b.pem")]
    );
    assert!(!config.graphql.graphiql);
    assert_eq!(config.server.request_timeout, Duration::from_secs(30));
    assert_eq!(
        config.database.url.as_ref().map(Secret::expose),
        Some("postgres://zhibu:hunter2@db/zhibu")
    );
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn every_fault_of_every_layer_is_reported_at_once() {
    let file = "\
listen = '127.0.0.1:8080'
[server]
request_timeout = 30
data_dir = ''
[databse]
url = 'postgres://zhibu:hunter2@db/zhibu'
[auth]
anonymous_role = 'DISTRICT_ADMIN'
[domain]
minimum_members = 51
[organization]
figures_from = 2022-02-28
district_code = 'HC;1'
[log]
filter = 'zhibu=loud'
";
    let variables = [
        ("ZHIBU_SERVER_LISTEN", "localhost"),
        ("ZHIBU_LOG_FROMAT", "json"),
        ("ZHIBU_DATABASE_URL", "mysql://zhibu:hunter2@db/zhibu"),
        ("ZHIBU_DATABASE_MAX_CONNECTIONS", "0"),
        ("ZHIBU_AUTH_LEEWAY", "1h"),
    ];
    let mut flags = Overrides::default();
    flags.set("server.listen", "--listen", Some("8080"));
    let faults = faults(file, &variables, &flags);
    insta::assert_snapshot!(faults.join("\n"), @r#"
    server.listen (environment variable ZHIBU_SERVER_LISTEN): must be an address and a port such as "127.0.0.1:8080"
    server.listen (flag --listen): must be an address and a port such as "127.0.0.1:8080"
    server.data_dir (zhibu.toml, line 4): must be a path
    server.request_timeout (zhibu.toml, line 3): must be a duration such as "30s", "15m" or "8h"
    database.url (environment variable ZHIBU_DATABASE_URL): must begin with "postgres://" or "sqlite:"
    database.max_connections (environment variable ZHIBU_DATABASE_MAX_CONNECTIONS): must be between 1 and 1000
    auth.anonymous_role (zhibu.toml, line 8): must be "VIEWER", or left out: no other role is given to callers without a token
    auth.leeway (environment variable ZHIBU_AUTH_LEEWAY): must be at most "5m"
    organization.district_code (zhibu.toml, line 13): A code consists of Chinese characters, letters, digits and - _ . /, not of ';'
    domain.minimum_members (zhibu.toml, line 10): domain.minimum_members must not be above domain.usual_members
    log.filter (zhibu.toml, line 15): must be directives such as "info,zhibu=debug": error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5
    listen (zhibu.toml, line 1): is not a setting; did you mean server.listen?
    databse.url (zhibu.toml, line 6): is not a setting; did you mean database.url?
    environment variable ZHIBU_LOG_FROMAT: is not a setting; did you mean ZHIBU_LOG_FORMAT?
    "#);
    assert!(!faults.join("\n").contains("hunter2"));
}

#[test]
fn a_file_that_is_no_toml_is_reported_with_its_lines_and_the_other_layers_faults() {
    let file = "[server]\nlisten = = 1\n[database]\nurl = postgres://zhibu:hunter2@db\n";
    let faults = faults(file, &[("ZHIBU_LISTEN", "x")], &Overrides::default()).join("\n");
    assert!(
        faults.contains("zhibu.toml, line 2") && faults.contains("zhibu.toml, line 4"),
        "{faults}"
    );
    assert!(faults.contains("ZHIBU_LISTEN"), "{faults}");
    assert!(!faults.contains("hunter2"), "{faults}");
}

#[test]
fn the_largest_body_fits_into_what_one_caller_may_hold() {
    let file = "[graphql]\nbody_bytes = 8388608\ndocument_memory_mib = 3\n[load]\nbody_bytes = 16777216\n";
    assert_eq!(
        faults(file, &[], &Overrides::default()),
        [
            "load.body_bytes (zhibu.toml, line 5): load.body_bytes must not be below four times graphql.body_bytes: one caller has a quarter of it"
        ]
    );
    let config = parse(
        file,
        &[("ZHIBU_LOAD_BODY_BYTES", "33554432")],
        &Overrides::default(),
    );
    let config = config.unwrap();
    assert_eq!(config.graphql.body_bytes, 8 * 1024 * 1024);
    assert_eq!(config.graphql.document_memory, 3 * 1024 * 1024);
}

#[test]
fn a_missing_file_is_a_fault_beside_the_others() {
    let Faults(faults) = Config::load(
        Some(Path::new("/nowhere/zhibu.toml")),
        env(&[("ZHIBU_LISTEN", "x")]),
        &Overrides::default(),
    )
    .unwrap_err();
    assert_eq!(faults.len(), 2);
    assert!(
        faults[0]
            .to_string()
            .starts_with("/nowhere/zhibu.toml: cannot be read")
    );
}

#[test]
fn two_variables_for_one_key_must_agree() {
    let same = [("ZHIBU_LISTEN", "[::1]:80"), ("ZHIBU_SERVER_LISTEN", "[::1]:80")];
    assert!(parse("", &same, &Overrides::default()).is_ok());
    let different = [("ZHIBU_LISTEN", "[::1]:80"), ("ZHIBU_SERVER_LISTEN", "[::1]:81")];
    assert_eq!(
        faults("", &different, &Overrides::default()),
        [
            "server.listen (environment variable ZHIBU_SERVER_LISTEN): says something else than ZHIBU_LISTEN; set one of them"
        ]
    );
}

#[test]
fn what_kubernetes_sets_for_a_service_of_our_name_is_left_alone() {
    let variables = [
        ("ZHIBU_SERVICE_HOST", "10.0.0.7"),
        ("ZHIBU_SERVICE_PORT_HTTP", "80"),
        ("ZHIBU_PORT", "tcp://10.0.0.7:80"),
        ("ZHIBU_PORT_80_TCP_ADDR", "10.0.0.7"),
        ("ZHIBU_CONFIG", "zhibu.toml"),
    ];
    assert!(parse("", &variables, &Overrides::default()).is_ok());
    assert!(parse("", &[("ZHIBU_PORTAL", "1")], &Overrides::default()).is_err());
}
