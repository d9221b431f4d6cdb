use std::{ffi::OsString, path::Path, sync::Arc};

use chrono::{DateTime, Utc};
use clap::CommandFactory;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::{
    auth::{Keys, Role, SigningKey},
    kernel::clock::{Clock, TimeSource},
    simulate::{Chance, Faults},
};

fn cli(line: &str) -> Cli {
    Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn config(line: &str, env: &[(&str, &str)]) -> Config {
    let env: Vec<(OsString, OsString)> = env.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    cli(line).load_config(env).unwrap()
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn flags_of_every_command_go_over_the_environment() {
    let env = [("ZHIBU_DATA_DIR", "env"), ("ZHIBU_LISTEN", "127.0.0.1:1")];
    for command in [
        "serve",
        "init",
        "migrate --restored",
        "demo",
        "verify",
        "token --role VIEWER",
    ] {
        let line = format!("zhibu {command}");
        assert_eq!(config(&line, &env).server.data_dir, Path::new("env"), "{line}");
        let line = format!("{line} --data-dir flag");
        assert_eq!(config(&line, &env).server.data_dir, Path::new("flag"), "{line}");
    }
    let served = config(
        "zhibu serve --demo --listen [::1]:2 --database-url postgres://db/zhibu",
        &env,
    );
    assert_eq!(served.server.listen.port(), 2);
    assert!(served.database.url.is_some());
    let district = config(
        "zhibu init --district-code ３５０２０５ --district-name 海沧",
        &[],
    );
    assert_eq!(district.organization.district_code.as_deref(), Some("350205"));
    assert_eq!(district.organization.district_name.as_deref(), Some("海沧"));
}

#[test]
fn a_faulty_flag_is_named() {
    let faults = cli("zhibu serve --listen 8080").load_config([]).unwrap_err();
    assert!(
        faults.to_string().contains("server.listen (flag --listen)"),
        "{faults}"
    );
}

#[test]
fn a_role_or_duration_that_does_not_exist_is_a_usage_error() {
    for line in [
        "zhibu token",
        "zhibu token --role ADMIN",
        "zhibu token --role VIEWER --ttl soon",
    ] {
        let error = Cli::try_parse_from(line.split(' ')).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn a_stand_in_platform_is_told_what_goes_wrong() {
    let line = "zhibu simulate --size large --per-minute 0 --fault latency=200ms --fault status500=0.1 \
                --fault status429=next:2,3s --print ndjson";
    let Command::Simulate(args) = cli(line).command else {
        panic!("another command")
    };
    assert_eq!(
        (args.size, args.print),
        (crate::simulate::Size::Large, Some(Print::Ndjson))
    );
    let mut faults = Faults::default();
    faults.extend(args.faults);
    let chance = |probability, next, millis| Chance {
        probability,
        next,
        millis,
    };
    let expected = [
        ("latency", chance(1.0, 0, Some(200))),
        ("status429", chance(0.0, 2, Some(3000))),
        ("status500", chance(0.1, 0, None)),
    ];
    assert_eq!(faults.named(), expected.into());
}

struct At(DateTime<Utc>);

impl TimeSource for At {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

#[tokio::test]
async fn a_token_is_signed_with_the_key_of_the_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let line = format!(
        "zhibu token --role BRANCH_OFFICER --branch hc-0101 --sub abc --ttl 7d --data-dir {}",
        dir.path().display()
    );
    let Command::Token(args) = cli(&line).command else {
        panic!("another command")
    };
    let config = config(&line, &[("ZHIBU_AUTH_ISSUER", "test")]);
    let now: DateTime<Utc> = "2026-11-23T08:00:00Z".parse().unwrap();
    let clock = Clock::new(Arc::new(At(now)));
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let token = args.token(&config, &clock, &mut rng).unwrap();

    let key = SigningKey::load(&dir.path().join("signing-key.pem")).unwrap();
    let keys = Keys::new(vec![key.verifying_key()], "test", "zhibu", 0);
    let verified = keys.verify(&token, now).await.unwrap();
    let principal = &verified.principal;
    assert_eq!(principal.role, Role::BranchOfficer);
    assert_eq!(
        (principal.subject.as_str(), principal.branch.as_deref()),
        ("abc", Some("HC-0101"))
    );
    assert_eq!(verified.ends(), now.timestamp() + 7 * 86_400);
}

#[test]
fn an_order_that_is_refused_leaves_no_key_behind() {
    let dir = tempfile::tempdir().unwrap();
    let line = format!("zhibu token --role ADAPTER --data-dir {}", dir.path().display());
    let Command::Token(args) = cli(&line).command else {
        panic!("another command")
    };
    let error = args
        .token(
            &config(&line, &[]),
            &Clock::system(),
            &mut ChaCha20Rng::seed_from_u64(1),
        )
        .unwrap_err();
    assert_eq!(error.to_string(), "ADAPTER needs --source");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
